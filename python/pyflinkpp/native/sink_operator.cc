#include "native/sink_operator.h"

#include <string>

#include "core/base/status.h"
#include "native/errors.h"
#include "native/gil.h"
#include "native/python_serializer.h"
#include "native/user_function.h"

namespace pyflinkpp {
namespace {

// Drives a SinkRunner (pyflinkpp.datastream._sink_runtime), which has the Sink's writer and its
// committer, and keeps what is to be committed in operator state:
//
//   element    write                          barrier    prepare (flush, prepare_commit), then state
//   complete   commit of what it has          end        finish, and Commit of what is left
//
// All of it runs on the task's loop, as in Flink: writer and committer may share a connection, and
// nobody commits while another attempt is about to. A committer that has to wait says so
// (retry_later) and is asked again: by the clock, later and later.
class SinkOperator final : public Operator {
 public:
  explicit SinkOperator(const idl::OperatorNode& node)
      : commits_(node.spec.python_sink.commits),
        runner_(node.spec.python_sink.pickle, node.name, "write") {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    Gil gil;
    RETURN_IF_ERROR(runner_.Open(context));
    ASSIGN_OR_RETURN(write_, runner_.Bind("write"));
    write_context_ = PyRef::Steal(PyObject_GetAttrString(runner_.function(), "context"));
    if (!write_context_) return runner_.Raised();
    return ScheduleRetry();
  }

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output&) override {
    RecordBatch& batch = *view.batch;
    RETURN_IF_ERROR(take_.Follow(batch));
    Gil gil;
    ReleaseWaiting();
    const size_t first = view.position;
    while (!view.done()) {
      if (view.position > first && context_->should_yield()) break;
      const PyRef value = PyRef::Steal(take_(batch.row(view.position)));
      if (!value) return CaptureError("the input of a sink can't be read");
      const int64_t timestamp =
          batch.has_timestamps() ? batch.timestamps()[view.position] : kMinTimestamp;
      ++context_->counters[0].records_in;
      ++view.position;
      if (timestamp != timestamp_ && !TellTimestamp(timestamp)) return runner_.Raised();
      const PyRef written = PyRef::Steal(write_.Call(value.get(), write_context_.get()));
      if (!written) return runner_.Raised({.element = value.get(), .timestamp = timestamp});
    }
    return view.done() ? Progress::kDone : Progress::kMore;
  }

  absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output&) override {
    if (watermark.idle) return Progress::kDone;
    Gil gil;
    const PyRef done = PyRef::Steal(PyObject_CallMethod(
        runner_.function(), "watermark", "L", static_cast<long long>(watermark.timestamp)));
    if (!done) return runner_.Raised({.timestamp = watermark.timestamp});
    return Progress::kDone;
  }

  absl::StatusOr<Progress> PrepareSnapshot(Output&) override { return CallRunner("prepare"); }
  absl::Status Snapshot(SnapshotContext& context) override { return runner_.Snapshot(context); }
  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    RETURN_IF_ERROR(runner_.CheckpointCompleted(checkpoint));
    return commits_ ? ScheduleRetry() : absl::OkStatus();
  }
  absl::Status CheckpointAborted(int64_t checkpoint) override {
    return runner_.CheckpointAborted(checkpoint);
  }

  // When the committer is asked again.
  int64_t next_processing_time() const override { return retry_at_; }
  absl::Status OnProcessingTime(int64_t, Output&) override {
    RETURN_IF_ERROR(CallRunner("retry").status());
    return ScheduleRetry();
  }

  absl::StatusOr<Progress> Finish(Output&) override { return CallRunner("finish"); }

  bool needs_commit() const override { return commits_; }
  absl::StatusOr<Progress> Commit(Output&) override {
    if (retry_at_ != kMaxTimestamp && context_->env.clock.NowMillis() < retry_at_ && committing_)
      return Progress::kWait;
    committing_ = true;
    Gil gil;
    RETURN_IF_ERROR(CallRunner("commit_all").status());
    RETURN_IF_ERROR(ScheduleRetry());
    return retry_at_ == kMaxTimestamp ? Progress::kDone : Progress::kWait;
  }

  absl::Status Close() override {
    Gil gil;
    write_ = Callable();
    write_context_ = PyRef();
    return runner_.Close();
  }

 private:
  absl::StatusOr<Progress> CallRunner(const char* method) {
    Gil gil;
    const PyRef done = PyRef::Steal(PyObject_CallMethod(runner_.function(), method, nullptr));
    if (!done) return runner_.Raised();
    return Progress::kDone;
  }

  // False with an error set.
  bool TellTimestamp(int64_t timestamp) {
    timestamp_ = timestamp;
    const PyRef number = timestamp == kMinTimestamp ? PyRef::Borrow(Py_None)
                                                    : PyRef::Steal(PyLong_FromLongLong(timestamp));
    return number && PyObject_SetAttrString(write_context_.get(), "_timestamp", number.get()) == 0;
  }

  absl::Status ScheduleRetry() {
    Gil gil;
    const PyRef delay = PyRef::Steal(PyObject_GetAttrString(runner_.function(), "retry_in_ms"));
    if (!delay) return runner_.Raised();
    retry_at_ = delay.get() == Py_None
                    ? kMaxTimestamp
                    : context_->env.clock.NowMillis() + PyLong_AsLongLong(delay.get());
    return absl::OkStatus();
  }

  const bool commits_;
  UserFunction runner_;
  OperatorContext* context_ = nullptr;
  Callable write_;  // the writer's own
  PyRef write_context_;
  int64_t timestamp_ = kMinTimestamp;  // that write_context_ tells
  int64_t retry_at_ = kMaxTimestamp;   // by the wall clock
  bool committing_ = false;
  InputRowTaker take_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Operator>> MakeSinkOperator(std::span<const idl::OperatorNode> nodes,
                                                           const SerializerFactory&) {
  return std::make_unique<SinkOperator>(nodes[0]);
}

}  // namespace pyflinkpp

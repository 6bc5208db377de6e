#include "runtime/task/in_flight.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/checksum.h"
#include "core/base/status.h"
#include "core/stream/batch_codec.h"
#include "core/types/native_serializers.h"

namespace pyflinkpp {

absl::Status InFlightData::Add(const InFlightChannel& channel, const RecordBatch& batch,
                               size_t from) {
  std::vector<Run>& runs = runs_[channel];
  const std::string type = WrittenName(*batch.serializer());
  if (runs.empty() || runs.back().type != type) runs.push_back({type, {}});
  return EncodeBatch(batch, runs.back().bytes, from);
}

int64_t InFlightData::bytes() const {
  int64_t bytes = 0;
  for (const auto& [channel, runs] : runs_) {
    for (const Run& run : runs) bytes += static_cast<int64_t>(run.bytes.size());
  }
  return bytes;
}

void InFlightData::WriteTo(KeyedStateFile& file) {
  for (auto& [channel, runs] : runs_) {
    for (Run& run : runs) file.AddBlock(0, 0, 0, std::move(run.bytes));
  }
}

std::vector<idl::InFlightHandle> InFlightData::Handles(const idl::KeyedStateHandle& written) const {
  std::vector<idl::InFlightHandle> handles;
  size_t next = 0;
  for (const auto& [channel, runs] : runs_) {
    if (handles.empty() || handles.back().exchange != channel.exchange) {
      handles.emplace_back().exchange = channel.exchange;
      handles.back().file.path = written.file.path;
    }
    idl::InFlightHandle& handle = handles.back();
    for (const Run& run : runs) {
      const idl::KeyGroupBlock& block = written.blocks[next++];
      idl::InFlightRun& to = handle.runs.emplace_back();
      to.source = channel.source;
      to.target = channel.target;
      to.of_sender = channel.of_sender;
      to.type = run.type;
      to.offset = block.offset;
      to.size = block.size;
      to.crc32 = block.crc32;
      handle.file.size += block.size;
      if (!handle.file.path.empty()) continue;
      to.offset = static_cast<int64_t>(handle.file.inline_bytes.size());
      handle.file.inline_bytes.append(written.file.inline_bytes, static_cast<size_t>(block.offset),
                                      static_cast<size_t>(block.size));
    }
  }
  return handles;
}

absl::Status ReadInFlight(FileSystem& files, const idl::RestoredInFlight& part,
                          std::deque<ReadRun>& to) {
  const idl::StateFile& where = part.handle.file;
  std::unique_ptr<ReadableFile> file;
  if (!where.path.empty()) {
    absl::StatusOr<std::unique_ptr<ReadableFile>> opened = files.Open(where.path);
    if (!opened.ok()) {
      return DamagedCheckpointError(absl::StrCat("a file of the checkpoint can't be read: ",
                                                 FailureOf(opened.status()).message));
    }
    file = *std::move(opened);
  }
  for (const idl::InFlightRun& run : part.handle.runs) {
    if (run.offset < 0 || run.size < 0) return absl::DataLossError("in-flight data of no place");
    ReadRun read{.part = part, .type = run.type, .bytes = {}};
    read.part.handle = {};
    read.part.handle.exchange = part.handle.exchange;
    if (file != nullptr) {
      read.bytes.resize(static_cast<size_t>(run.size));
      ASSIGN_OR_RETURN(const size_t got,
                       file->Read(run.offset, read.bytes.data(), read.bytes.size()));
      read.bytes.resize(got);
    } else if (static_cast<size_t>(run.offset) <= where.inline_bytes.size()) {
      read.bytes =
          where.inline_bytes.substr(static_cast<size_t>(run.offset), static_cast<size_t>(run.size));
    }
    if (read.bytes.size() != static_cast<size_t>(run.size) || Crc32(read.bytes) != run.crc32) {
      return DamagedCheckpointError(
          absl::StrCat("the checkpoint's file ", where.path.empty() ? "_metadata" : where.path,
                       " is damaged: in-flight data of ", part.name, " is not what was written"));
    }
    to.push_back(std::move(read));
  }
  return absl::OkStatus();
}

absl::Status RestoredBatches::Begin(const ReadRun& run) {
  batch_ = 0;
  serializer_ = NativeSerializerWritten(run.type);
  if (serializer_ != nullptr) return absl::OkStatus();
  for (const idl::TypeInformation& type : run.part.types) {
    ASSIGN_OR_RETURN(serializer_, (*serializers_)(type));
    if (serializer_->name() == run.type) return absl::OkStatus();
  }
  return UserError(absl::StrCat("the checkpoint has in-flight data of ", run.part.name,
                                " of the type ", run.type,
                                ", which the job does not declare there any more: declare it "
                                "again, or start from a savepoint, which has no in-flight data"));
}

absl::StatusOr<RestoredBatches::Restored> RestoredBatches::Next() {
  while (run_ < runs_->size()) {
    const ReadRun& run = (*runs_)[run_];
    if (position_ == 0) RETURN_IF_ERROR(Begin(run));
    if (position_ == run.bytes.size()) {
      ++run_;
      position_ = 0;
      continue;
    }
    BinaryReader reader(absl::string_view(run.bytes).substr(position_));
    ASSIGN_OR_RETURN(std::unique_ptr<RecordBatch> batch, DecodeBatch(reader, serializer_));
    position_ = run.bytes.size() - reader.remaining();
    const bool mine = run.part.by_key || batch_++ % run.part.shares == run.part.share;
    if (run.part.by_key) batch = OwnKeys(std::move(batch));
    if (mine && !batch->empty())
      return Restored{std::move(batch), run.part.op, run.part.input, run.part.handle.exchange};
  }
  return Restored{};
}

bool RestoredBatches::can_be_kept() const {
  return std::all_of(runs_->begin() + static_cast<std::ptrdiff_t>(run_), runs_->end(),
                     [](const ReadRun& run) { return run.part.handle.exchange >= 0; });
}

std::unique_ptr<RecordBatch> RestoredBatches::OwnKeys(std::unique_ptr<RecordBatch> batch) const {
  PFPP_CHECK(batch->has_keys());
  std::vector<uint32_t> own;
  for (uint32_t i = 0; i < batch->size(); ++i) {
    if (groups_.contains(KeyGroupOf(batch->keys()[i].hash, max_parallelism_))) own.push_back(i);
  }
  if (own.size() == batch->size()) return batch;
  auto mine = std::make_unique<RecordBatch>(batch->serializer());
  mine->MoveFrom(*batch, own.data(), own.size());
  return mine;
}

}  // namespace pyflinkpp

#include "runtime/operators/record_sorter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

constexpr size_t kUnfinishedMax = 4;  // works on the strand while a run is written
constexpr uint64_t kSampleEvery = 64;

// A heap has its largest element in front: the largest is who comes first.
bool ComesLater(const SortedRun* a, const SortedRun* b) { return b->front() < a->front(); }

}  // namespace

RecordSorter::~RecordSorter() {
  gate_->Shut();
  if (strand_ == nullptr) return;
  strand_->PostAlways([files = std::move(files_)] {
    for (const auto& file : files) file->Delete();
  });
}

// ---- gathering ----

absl::StatusOr<Progress> RecordSorter::Add(int input, RecordBatchView& view) {
  // Asked to yield, it takes these records all the same: as many have gone.
  ASSIGN_OR_RETURN(const Progress spilled, Spill(view.remaining()));
  if (spilled == Progress::kWait) return Progress::kWait;
  RecordBatch& batch = *view.batch;
  std::vector<uint64_t>* numbers;
  RecordBatch& gathered = GatheredFor(input, batch, &numbers);
  positions_.clear();
  for (; view.position < batch.size(); ++view.position) {
    positions_.push_back(static_cast<uint32_t>(view.position));
    bytes_ += batch.keys()[view.position].size;
    numbers->push_back(added_);
    if (added_++ % kSampleEvery == 0) value_size_.Sample(batch, view.position);
  }
  gathered.MoveFrom(batch, positions_.data(), positions_.size());
  const size_t record_bytes =
      batch.stride() + value_size_.bytes() + sizeof(RecordKey) + sizeof(SortKey) + sizeof(uint32_t);
  bytes_ += positions_.size() * record_bytes;
  if (bytes_ > memory_bytes_ && outgoing_.empty()) {
    outgoing_ = std::exchange(gathered_, {});
    bytes_ = 0;
  }
  return Progress::kDone;
}

RecordBatch& RecordSorter::GatheredFor(int input, const RecordBatch& batch,
                                       std::vector<uint64_t>** numbers) {
  auto found = std::find_if(gathered_.begin(), gathered_.end(), [&](const Gathered& gathered) {
    return gathered.input == input && gathered.block.batch->serializer() == batch.serializer();
  });
  if (found == gathered_.end()) {
    found = gathered_.insert(found, Gathered{input, {}});
    found->block.batch = std::make_unique<RecordBatch>(batch.serializer());
  }
  *numbers = &found->block.numbers;
  return *found->block.batch;
}

// ---- writing runs ----

// Writes at least so many records of `outgoing_`, if there are.
absl::StatusOr<Progress> RecordSorter::Spill(size_t at_least) {
  for (size_t written = 0; !outgoing_.empty();) {
    Gathered& from = outgoing_.back();
    if (written_ == nullptr) BeginRun(from);
    while (written_->next < from.block.order.size()) {
      if (written >= at_least && context_.should_yield()) return Progress::kMore;
      if (!strand_->Below(kUnfinishedMax)) return Progress::kWait;
      RETURN_IF_ERROR(strand_->status());
      const size_t before = written_->next;
      RETURN_IF_ERROR(WriteBlock(from));
      written += written_->next - before;
    }
    Post([file = written_->file] { return file->Close(); });
    written_->next = 0;
    runs_.push_back(std::move(written_));
    outgoing_.pop_back();
  }
  return Progress::kDone;
}

void RecordSorter::BeginRun(Gathered& gathered) {
  if (strand_ == nullptr) {
    name_ =
        absl::StrCat("pyflinkpp-sort-", absl::Hex(context_.env.random.Next(), absl::kZeroPad16));
    strand_ = std::make_shared<IoStrand>(
        context_.env.io, [gate = gate_, wake = context_.wake] { gate->Enter(wake); });
  }
  FileSystem& files = context_.env.files;
  files_.push_back(std::make_shared<SpillFile>(files, files.temporary_directory(),
                                               absl::StrCat(name_, "-", files_.size())));
  gathered.block.Sort();
  written_ = std::make_unique<SortedRun>();
  written_->input = gathered.input;
  written_->file = files_.back();
  written_->block.batch = std::make_unique<RecordBatch>(gathered.block.batch->serializer());
}

absl::Status RecordSorter::WriteBlock(Gathered& gathered) {
  const SortedBlock& from = gathered.block;
  const size_t begin = written_->next;
  const size_t wanted =
      std::clamp<size_t>(kBatchBytesMax / (value_size_.bytes() + 1), 1, kBatchRecordsMax);
  const size_t count = std::min(wanted, from.order.size() - begin);
  SortedBlock block;
  block.batch = std::make_unique<RecordBatch>(from.batch->serializer());
  block.batch->MoveFrom(*from.batch, from.order.data() + begin, count);
  for (size_t i = 0; i < count; ++i) block.numbers.push_back(from.numbers[from.order[begin + i]]);
  std::string bytes;
  RETURN_IF_ERROR(EncodeBlock(block, bytes));
  written_->next += count;
  written_->block_bytes.push_back(static_cast<uint32_t>(bytes.size()));
  Post([file = written_->file, bytes = std::move(bytes)] { return file->Append(bytes); });
  return absl::OkStatus();
}

// The number of works posted so far.
uint64_t RecordSorter::Post(IoStrand::Work work) {
  strand_->Post(std::move(work));
  return ++posted_;
}

// ---- merging ----

absl::StatusOr<Progress> RecordSorter::Next(Piece& piece) {
  if (!merging_) {
    ASSIGN_OR_RETURN(const Progress progress, BeginMerge());
    if (progress != Progress::kDone) return progress;
  }
  for (;;) {
    while (!loading_.empty()) {
      ASSIGN_OR_RETURN(const bool loaded, FinishRead(*loading_.back()));
      if (!loaded) return Progress::kWait;
      heap_.push_back(loading_.back());
      std::push_heap(heap_.begin(), heap_.end(), ComesLater);
      loading_.pop_back();
    }
    if (heap_.empty() || !Fits(*heap_.front())) break;
    TakeFirst();
  }
  piece_.ends_key = heap_.empty() || heap_.front()->front().key != key_;
  piece = std::exchange(piece_, {});
  return Progress::kDone;
}

absl::StatusOr<Progress> RecordSorter::BeginMerge() {
  ASSIGN_OR_RETURN(const Progress spilled, Spill(1));
  if (spilled != Progress::kDone) return spilled;
  merging_ = true;
  for (const auto& run : runs_) {
    StartRead(*run);
    loading_.push_back(run.get());
  }
  for (Gathered& gathered : gathered_) {
    gathered.block.Sort();
    auto run = std::make_unique<SortedRun>();
    run->input = gathered.input;
    run->block = std::move(gathered.block);
    heap_.push_back(run.get());
    runs_.push_back(std::move(run));
  }
  gathered_.clear();
  std::make_heap(heap_.begin(), heap_.end(), ComesLater);
  return Progress::kDone;
}

// Begins to read the next block, if there is one.
void RecordSorter::StartRead(SortedRun& run) {
  if (run.next_block == run.block_bytes.size()) return;
  run.read = std::make_shared<std::string>(run.block_bytes[run.next_block], '\0');
  run.ticket = Post([file = run.file, offset = run.offset, bytes = run.read] {
    return file->Read(offset, *bytes);
  });
  run.offset += run.block_bytes[run.next_block++];
}

// The strand works in order: ours is done when only those posted after it can be unfinished.
absl::StatusOr<bool> RecordSorter::FinishRead(SortedRun& run) {
  if (!strand_->Below(posted_ - run.ticket + 1)) return false;
  RETURN_IF_ERROR(strand_->status());
  const std::shared_ptr<std::string> bytes = std::move(run.read);
  ASSIGN_OR_RETURN(run.block, DecodeBlock(*bytes, run.block.batch->serializer()));
  run.next = 0;
  StartRead(run);
  return true;
}

bool RecordSorter::Fits(const SortedRun& run) const {
  if (piece_.batch == nullptr) return true;
  return run.input == piece_.input && !piece_.batch->full() && run.front().key == key_ &&
         run.block.batch->serializer() == piece_.batch->serializer();
}

// Moves records of the first run to the piece, as long as it is the first.
void RecordSorter::TakeFirst() {
  std::pop_heap(heap_.begin(), heap_.end(), ComesLater);
  SortedRun& run = *heap_.back();
  heap_.pop_back();
  const SortedRun* other = heap_.empty() ? nullptr : heap_.front();
  if (piece_.batch == nullptr) {
    piece_.batch = std::make_unique<RecordBatch>(run.block.batch->serializer());
    piece_.input = run.input;
    key_ = std::string(run.front().key);
  }
  const size_t room = kBatchRecordsMax - piece_.batch->size();
  positions_.clear();
  do {
    positions_.push_back(run.position());
    ++run.next;
  } while (!run.done() && positions_.size() < room && run.front().key == key_ &&
           (other == nullptr || run.front() < other->front()));
  piece_.batch->MoveFrom(*run.block.batch, positions_.data(), positions_.size());
  if (!run.done()) {
    heap_.push_back(&run);
    std::push_heap(heap_.begin(), heap_.end(), ComesLater);
  } else if (run.read != nullptr) {
    loading_.push_back(&run);
  } else {
    run.block = {};
    if (run.file == nullptr) return;
    strand_->PostAlways([file = std::move(run.file)] { file->Delete(); });
    ++posted_;
  }
}

}  // namespace pyflinkpp

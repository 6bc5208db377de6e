// Sorts what does not have to fit into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/stream/value_size.h"
#include "runtime/io/io_strand.h"
#include "runtime/io/loop_gate.h"
#include "runtime/operators/operator.h"
#include "runtime/operators/sorted_run.h"

namespace pyflinkpp {

// Owned by an operator, used on its loop; files are touched on the I/O executor only.
//
//   Add ... Add    gathers; more than `memory_bytes`: sorts what there is, writes it as runs
//   Next ... Next  merges the runs and what is in memory, in pieces of one key and one input
//
// Bytes are an estimate, made of a sample of the values. A run has one input and one serializer.
// Files are gone when their run is, or the sorter.
class RecordSorter {
 public:
  // Consecutive records of one key and one input, in order; no batch: there are no more.
  struct Piece {
    std::unique_ptr<RecordBatch> batch;
    int input = 0;
    bool ends_key = false;  // no other piece of this key follows
  };

  RecordSorter(OperatorContext& context, size_t memory_bytes)
      : context_(context), memory_bytes_(memory_bytes) {}
  ~RecordSorter();

  // Takes the records, which have keys and timestamps, out of the view. kWait: call again with all
  // of them.
  absl::StatusOr<Progress> Add(int input, RecordBatchView& view);

  // After the last Add. kDone: `piece` is the next one. kWait and kMore: call again.
  absl::StatusOr<Progress> Next(Piece& piece);

  size_t spilled_runs() const { return files_.size(); }

 private:
  // What was gathered of an input.
  struct Gathered {
    int input;
    SortedBlock block;
  };

  RecordBatch& GatheredFor(int input, const RecordBatch& batch, std::vector<uint64_t>** numbers);

  absl::StatusOr<Progress> Spill(size_t at_least);
  void BeginRun(Gathered& gathered);
  absl::Status WriteBlock(Gathered& gathered);
  uint64_t Post(IoStrand::Work work);

  absl::StatusOr<Progress> BeginMerge();
  void StartRead(SortedRun& run);
  absl::StatusOr<bool> FinishRead(SortedRun& run);  // false: it is still under way
  bool Fits(const SortedRun& run) const;
  void TakeFirst();

  OperatorContext& context_;
  const size_t memory_bytes_;

  std::vector<Gathered> gathered_;
  std::vector<uint32_t> positions_;  // scratch
  uint64_t added_ = 0;
  size_t bytes_ = 0;  // of gathered_
  ValueSize value_size_;

  const std::shared_ptr<LoopGate> gate_ = std::make_shared<LoopGate>();
  std::shared_ptr<IoStrand> strand_;  // null until something is written
  uint64_t posted_ = 0;               // works on the strand
  std::string name_;                  // of files, but for the number
  std::vector<std::shared_ptr<SpillFile>> files_;
  std::vector<Gathered> outgoing_;      // on its way to files
  std::unique_ptr<SortedRun> written_;  // the run that is being written

  std::vector<std::unique_ptr<SortedRun>> runs_;
  bool merging_ = false;
  std::vector<SortedRun*> heap_;     // of runs with a record at hand, the smallest first
  std::vector<SortedRun*> loading_;  // those whose next block is being read
  Piece piece_;                      // as far as it is known
  std::string key_;                  // its key
};

}  // namespace pyflinkpp

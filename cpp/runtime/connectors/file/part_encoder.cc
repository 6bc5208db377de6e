#include "runtime/connectors/file/part_encoder.h"

#include "core/base/check.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

class LineEncoder final : public PartEncoder {
 public:
  absl::Status Encode(RecordBatchView& view, size_t count, std::string& bytes,
                      std::vector<size_t>& ends) override {
    text_.clear();
    text_ends_.clear();
    const RecordBatch& batch = *view.batch;
    RETURN_IF_ERROR(batch.serializer()->Format(batch.row(view.position), count, text_, text_ends_));
    PFPP_CHECK(text_ends_.size() == count);
    size_t begin = 0;
    for (const size_t end : text_ends_) {
      bytes.append(text_, begin, end - begin);
      bytes.push_back('\n');
      ends.push_back(bytes.size());
      begin = end;
    }
    view.position += count;
    return absl::OkStatus();
  }

 private:
  std::string text_;
  std::vector<size_t> text_ends_;
};

}  // namespace

std::unique_ptr<PartEncoder> MakeLineEncoder() { return std::make_unique<LineEncoder>(); }

}  // namespace pyflinkpp

#include "runtime/task/keyed_state_file.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/checksum.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {
constexpr size_t kGatheredBytes = size_t{1} << 20;
}

size_t InlineStateBytes(const std::map<std::string, std::string>& configuration) {
  const auto found = configuration.find("execution.checkpointing.data-inline-threshold");
  if (found == configuration.end()) return kInlineStateBytes;
  const std::string text = absl::AsciiStrToLower(found->second);
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  size_t bytes;
  if (!absl::SimpleAtoi(text.substr(0, digits), &bytes)) return kInlineStateBytes;
  const absl::string_view unit = absl::StripAsciiWhitespace(absl::string_view(text).substr(digits));
  return absl::StartsWith(unit, "k")   ? bytes << 10
         : absl::StartsWith(unit, "m") ? bytes << 20
                                       : bytes;
}

// The executor's side.
struct KeyedStateFile::Writing {
  FileSystem& files;
  const std::string directory;  // empty: all stays in `bytes`
  const std::string path;
  const size_t inline_bytes;  // up to so many stay in `bytes`
  const std::shared_ptr<std::atomic<bool>> abandoned;
  StateFileUpload upload;
  std::string bytes = {};  // while it may still become inline
  std::unique_ptr<WritableFile> file = {};
  idl::KeyedStateHandle handle = {};
  enum class At { kNowhere, kTemporary, kFinal } at = At::kNowhere;

  std::string temporary() const { return path + ".inprogress"; }

  absl::Status Write(std::vector<std::pair<idl::KeyGroupBlock, std::string>> blocks) {
    for (auto& [block, content] : blocks) {
      block.offset = handle.file.size;
      block.size = static_cast<int64_t>(content.size());
      block.crc32 = Crc32(content);
      handle.file.size += block.size;
      handle.blocks.push_back(block);
      bytes.append(content);
    }
    if (directory.empty() || bytes.size() <= inline_bytes) return absl::OkStatus();
    if (*abandoned) return absl::CancelledError("the checkpoint was given up");
    if (file == nullptr) {
      RETURN_IF_ERROR(files.CreateDirectories(directory));
      ASSIGN_OR_RETURN(file, files.Create(temporary()));
      at = At::kTemporary;
    }
    RETURN_IF_ERROR(file->Append(bytes));
    bytes.clear();
    return absl::OkStatus();
  }

  absl::Status Finish() {
    if (file == nullptr) {
      handle.file.inline_bytes = std::move(bytes);
      return absl::OkStatus();
    }
    if (!bytes.empty()) RETURN_IF_ERROR(file->Append(bytes));
    RETURN_IF_ERROR(file->Sync());
    RETURN_IF_ERROR(file->Close());
    file = nullptr;
    RETURN_IF_ERROR(files.Rename(temporary(), path));
    at = At::kFinal;
    handle.file.path = path;
    return absl::OkStatus();
  }

  absl::Status WriteFiles(const NativeFiles& native) {
    ASSIGN_OR_RETURN(idl::NativeKeyedState state, upload.Write(native));
    handle.__set_backend(std::move(state));
    return absl::OkStatus();
  }

  WrittenState Written() {
    const int64_t fresh = upload.new_bytes();
    const int64_t all = handle.__isset.backend ? SizeOf(handle.backend) : 0;
    const int64_t blocks = handle.file.size;
    return {std::move(handle), blocks + fresh, all - fresh};
  }

  // Also the directory, when it was the last one: nobody makes it for others of a checkpoint that
  // was given up.
  void Discard() {
    file = nullptr;
    upload.Discard();
    if (at != At::kNowhere) files.Delete(at == At::kFinal ? path : temporary()).IgnoreError();
    at = At::kNowhere;
    if (*abandoned && !directory.empty()) files.DeleteDirectory(directory).IgnoreError();
  }
};

KeyedStateFile::KeyedStateFile(FileSystem& files, Executor& io, StateFileTarget target)
    : strand_(std::make_shared<IoStrand>(io, [] {})) {
  const auto abandoned = std::make_shared<std::atomic<bool>>(false);
  writing_ =
      std::make_shared<Writing>(Writing{.files = files,
                                        .directory = target.directory,
                                        .path = absl::StrCat(target.directory, "/", target.name),
                                        .inline_bytes = target.inline_bytes,
                                        .abandoned = abandoned,
                                        .upload = {files, target, abandoned}});
}

KeyedStateFile::~KeyedStateFile() {
  if (!finished_) Abandon();
}

void KeyedStateFile::Abandon() {
  *writing_->abandoned = true;
  strand_->PostAlways([writing = writing_] { writing->Discard(); });
}

int KeyedStateFile::AddState(const idl::KeyedStateDescription& description) {
  strand_->Post([writing = writing_, description] {
    writing->handle.states.push_back(description);
    return absl::OkStatus();
  });
  return states_++;
}

void KeyedStateFile::AddBlock(int state, int key_group, int64_t entries, std::string bytes) {
  idl::KeyGroupBlock block;
  block.state = state;
  block.key_group = key_group;
  block.entries = entries;
  gathered_bytes_ += bytes.size();
  gathered_.emplace_back(block, std::move(bytes));
  if (gathered_bytes_ > kGatheredBytes) PostGathered();
}

void KeyedStateFile::PostGathered() {
  strand_->Post([writing = writing_, blocks = std::exchange(gathered_, {})]() mutable {
    return writing->Write(std::move(blocks));
  });
  gathered_bytes_ = 0;
}

void KeyedStateFile::SetFiles(NativeFiles files) {
  strand_->Post(
      [writing = writing_, files = std::move(files)] { return writing->WriteFiles(files); });
}

void KeyedStateFile::Finish(std::function<void(absl::StatusOr<WrittenState>)> done) {
  finished_ = true;
  PostGathered();
  strand_->Post([writing = writing_] { return writing->Finish(); });
  strand_->PostAlways([writing = writing_, strand = strand_, done = std::move(done)] {
    if (const absl::Status status = strand->status(); !status.ok()) {
      writing->Discard();
      return done(status);
    }
    done(writing->Written());
  });
}

absl::Status ReadKeyedState(FileSystem& files, const idl::KeyedStateHandle& handle,
                            RestoredKeyedState& to) {
  std::unique_ptr<ReadableFile> file;
  if (!handle.file.path.empty()) {
    absl::StatusOr<std::unique_ptr<ReadableFile>> opened = files.Open(handle.file.path);
    if (!opened.ok()) {
      return DamagedCheckpointError(absl::StrCat("a file of the checkpoint can't be read: ",
                                                 FailureOf(opened.status()).message));
    }
    file = *std::move(opened);
  }
  for (const idl::KeyGroupBlock& block : handle.blocks) {
    if (block.state < 0 || block.state >= static_cast<int>(handle.states.size()) ||
        block.offset < 0 || block.size < 0)
      return absl::DataLossError("a block of keyed state that belongs to no state");
    std::string bytes;
    if (file != nullptr) {
      bytes.resize(static_cast<size_t>(block.size));
      ASSIGN_OR_RETURN(const size_t read, file->Read(block.offset, bytes.data(), bytes.size()));
      bytes.resize(read);
    } else {
      const size_t offset = static_cast<size_t>(block.offset);
      if (offset <= handle.file.inline_bytes.size())
        bytes = handle.file.inline_bytes.substr(offset, static_cast<size_t>(block.size));
    }
    if (bytes.size() != static_cast<size_t>(block.size) || Crc32(bytes) != block.crc32) {
      return DamagedCheckpointError(absl::StrCat(
          "the checkpoint's file ", handle.file.path.empty() ? "_metadata" : handle.file.path,
          " is damaged: a block of the state '",
          handle.states[static_cast<size_t>(block.state)].name, "' is not what was written"));
    }
    const idl::KeyedStateDescription& description = handle.states[static_cast<size_t>(block.state)];
    auto& state = to.states[description.name];
    state.description = description;
    state.blocks[block.key_group].push_back(std::move(bytes));
    state.entries[block.key_group] += block.entries;
  }
  return absl::OkStatus();
}

}  // namespace pyflinkpp

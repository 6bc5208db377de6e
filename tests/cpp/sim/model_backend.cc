#include "sim/model_backend.h"

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/types/binary_io.h"
#include "runtime/task/state_files.h"
#include "state/memory/memory_keyed_state_backend.h"

namespace pyflinkpp::sim {
namespace {

constexpr size_t kSegmentsMax = 3;

// All of one state and key group, as blocks one behind the other.
struct Contents {
  int64_t entries = 0;
  std::string bytes;
  friend bool operator==(const Contents&, const Contents&) = default;
};
using Place = std::pair<std::string, int>;  // state, key group
using Table = std::map<Place, Contents>;

// Takes a snapshot in blocks into a table.
class TableWriter final : public KeyedStateWriter {
 public:
  int AddState(const idl::KeyedStateDescription& description) override {
    states.push_back(description);
    return static_cast<int>(states.size()) - 1;
  }
  void AddBlock(int state, int key_group, int64_t entries, std::string bytes) override {
    Contents& contents = table[{states[static_cast<size_t>(state)].name, key_group}];
    contents.entries += entries;
    contents.bytes += bytes;
  }
  void SetFiles(NativeFiles) override { PFPP_CHECK(false); }

  std::vector<idl::KeyedStateDescription> states;
  Table table;
};

void PutTable(const Table& table, std::string& bytes) {
  BinaryWriter out(bytes);
  out.PutVarint(table.size());
  for (const auto& [place, contents] : table) {
    out.PutBytes(place.first);
    out.PutVarint(static_cast<uint64_t>(place.second));
    out.PutVarint(static_cast<uint64_t>(contents.entries));
    out.PutBytes(contents.bytes);
  }
}

Table GetTable(absl::string_view bytes) {
  BinaryReader in(bytes);
  Table table;
  uint64_t count, group, entries;
  PFPP_CHECK(in.GetVarint(&count));
  for (; count > 0; --count) {
    absl::string_view state, contents;
    PFPP_CHECK(in.GetBytes(&state) && in.GetVarint(&group) && in.GetVarint(&entries) &&
               in.GetBytes(&contents));
    table[{std::string(state), static_cast<int>(group)}] = {static_cast<int64_t>(entries),
                                                            std::string(contents)};
  }
  return table;
}

absl::StatusOr<std::string> ReadFile(FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(const FileInfo info, files.Stat(path));
  ASSIGN_OR_RETURN(const auto file, files.Open(path));
  std::string bytes(static_cast<size_t>(info.size), '\0');
  ASSIGN_OR_RETURN(const size_t read, file->Read(0, bytes.data(), bytes.size()));
  PFPP_CHECK(read == bytes.size());
  return bytes;
}

absl::Status WriteFile(FileSystem& files, const std::string& path, absl::string_view bytes) {
  ASSIGN_OR_RETURN(const auto file, files.Create(path));
  RETURN_IF_ERROR(file->Append(bytes));
  return file->Close();
}

// The files of a backend and of its snapshots: they go when nobody needs them any more, on the
// executor.
class Directory {
 public:
  Directory(Env& env, std::string path) : env_(env), path_(std::move(path)) {}
  ~Directory() {
    env_.io.Run([&files = env_.files, path = path_] { DeleteWithFiles(files, path); });
  }
  const std::string& path() const { return path_; }
  FileSystem& files() const { return env_.files; }

 private:
  Env& env_;
  const std::string path_;
};

// The executor's side: what has been written.
struct Segments {
  std::shared_ptr<const Directory> directory;
  std::map<std::string, Table> tables;  // by file name
  Table last;                           // of all segments
  int next = 0;
};

std::string SegmentName(int number) { return absl::StrCat("segment-", number); }
constexpr char kManifest[] = "MANIFEST";

class ModelSnapshot final : public KeyedSnapshot {
 public:
  ModelSnapshot(std::shared_ptr<Segments> segments, KeyGroupRange groups, TableWriter values,
                KeyedStateRegistry::Frozen frozen, ModelBackendCounts& counts)
      : segments_(std::move(segments)),
        groups_(groups),
        values_(std::move(values)),
        frozen_(std::move(frozen)),
        counts_(counts) {}

  bool on_loop() const override { return false; }

  absl::StatusOr<bool> WriteSome(KeyedStateWriter& writer) override {
    while (!frozen_.WriteSome(writer)) {
    }
    FileSystem& files = segments_->directory->files();
    const std::string& directory = segments_->directory->path();
    ++counts_.snapshots;
    RETURN_IF_ERROR(files.CreateDirectories(directory));
    Table changed;
    for (const auto& [place, contents] : values_.table) {
      const auto before = segments_->last.find(place);
      if (before == segments_->last.end() || before->second != contents) changed[place] = contents;
    }
    for (const auto& [place, contents] : segments_->last) {
      if (!values_.table.contains(place)) changed[place] = {};
    }
    const bool merge = segments_->tables.size() >= kSegmentsMax;
    if (merge) {
      ++counts_.merges;
      changed = values_.table;
    }
    std::vector<std::string> old;
    if (merge) {
      for (const auto& [name, table] : segments_->tables) old.push_back(name);
    }
    if (merge || !changed.empty()) {
      // A name that was tried is not tried again: what lies under it may be half a segment.
      const std::string name = SegmentName(segments_->next++);
      std::string bytes;
      PutTable(changed, bytes);
      RETURN_IF_ERROR(WriteFile(files, absl::StrCat(directory, "/", name), bytes));
      for (const std::string& each : old) segments_->tables.erase(each);
      segments_->tables[name] = std::move(changed);
      segments_->last = values_.table;
    }
    // What a snapshot has of the directory is its own until it has been written.
    const int own = segments_->next++;
    const std::string manifest = absl::StrCat(directory, "/", kManifest, "-", own);
    std::string bytes;
    BinaryWriter out(bytes);
    out.PutVarint(static_cast<uint64_t>(segments_->next));
    out.PutVarint(segments_->tables.size());
    for (const auto& [name, table] : segments_->tables) out.PutBytes(name);
    RETURN_IF_ERROR(WriteFile(files, manifest, bytes));

    NativeFiles native{.format = kModelBackend,
                       .key_groups = groups_,
                       .files = {{kManifest, manifest, false}},
                       .states = {},
                       .held = segments_->directory};
    for (const auto& [name, table] : segments_->tables)
      native.files.push_back({name, absl::StrCat(directory, "/", name), true});
    for (const idl::KeyedStateDescription& description : values_.states) {
      idl::NativeStateContents& state = native.states.emplace_back();
      state.description = description;
      for (const auto& [place, contents] : values_.table)
        state.entries += place.first == description.name ? contents.entries : 0;
    }
    writer.SetFiles(std::move(native));
    return true;
  }

 private:
  const std::shared_ptr<Segments> segments_;
  const KeyGroupRange groups_;
  const TableWriter values_;
  KeyedStateRegistry::Frozen frozen_;
  ModelBackendCounts& counts_;
};

class ModelBackend final : public KeyedStateBackend {
 public:
  ModelBackend(const KeyedStateBackendPlan& plan, ModelBackendCounts& counts)
      : groups_(plan.key_groups),
        counts_(counts),
        values_(MakeMemoryKeyedStateBackend(plan.key_groups, plan.max_parallelism)),
        registry_(plan.max_parallelism),
        segments_(std::make_shared<Segments>()) {
    segments_->directory = std::make_shared<Directory>(plan.env, plan.directory);
  }

  // On the executor.
  absl::Status ReadFiles(const KeyedStateBackendPlan& plan) {
    const bool in_place =
        plan.restored.size() == 1 && plan.restored[0].key_groups == plan.key_groups;
    RestoredKeyedState restored;
    for (const RestoredFiles& from : plan.restored) {
      ++(in_place ? counts_.restores_in_place : counts_.restores_of_parts);
      FileSystem& files = plan.env.files;
      ASSIGN_OR_RETURN(const std::string manifest,
                       ReadFile(files, absl::StrCat(from.directory, "/", kManifest)));
      BinaryReader in(manifest);
      uint64_t next, count;
      PFPP_CHECK(in.GetVarint(&next) && in.GetVarint(&count));
      std::map<int, std::string> names;  // in the order in which they were written
      for (; count > 0; --count) {
        absl::string_view name;
        PFPP_CHECK(in.GetBytes(&name));
        names[std::stoi(std::string(name.substr(SegmentName(0).size() - 1)))] = std::string(name);
      }
      Table all;
      for (const auto& [number, name] : names) {
        const std::string path = absl::StrCat(from.directory, "/", name);
        ASSIGN_OR_RETURN(const std::string bytes, ReadFile(files, path));
        Table table = GetTable(bytes);
        for (const auto& [place, contents] : table) all[place] = contents;
        if (!in_place) continue;
        RETURN_IF_ERROR(files.CreateDirectories(plan.directory));
        RETURN_IF_ERROR(WriteFile(files, absl::StrCat(plan.directory, "/", name), bytes));
        segments_->tables[name] = std::move(table);
      }
      if (in_place) segments_->next = static_cast<int>(next);
      for (const idl::NativeStateContents& state : from.states)
        restored.states[state.description.name].description = state.description;
      for (auto& [place, contents] : all) {
        if (!groups_.contains(place.second) || contents.bytes.empty()) continue;
        RestoredKeyedState::State& state = restored.states[place.first];
        state.blocks[place.second].push_back(contents.bytes);
        state.entries[place.second] += contents.entries;
        if (in_place) segments_->last[place] = std::move(contents);
      }
    }
    files_ = std::move(restored);
    return absl::OkStatus();
  }

  KeyGroupRange key_groups() const override { return groups_; }

  // Timers are blocks, values may be.
  void Restore(RestoredKeyedState restored) override {
    RestoredKeyedState timers;
    for (auto& [name, state] : restored.states) {
      const bool values = state.description.kind == idl::KeyedStateKind::VALUES;
      (values ? files_ : timers).states[name] = std::move(state);
    }
    registry_.Restore(std::move(timers));
  }

  absl::StatusOr<std::unique_ptr<ValueState>> DoCreateValueState(
      const std::string& name, std::shared_ptr<const TypeSerializer> serializer, KeyShape shape,
      int64_t /*time_to_live_ms*/) override {
    PassFiles();
    return values_->CreateValueState(name, std::move(serializer), shape);
  }
  absl::Status RegisterEntries(const std::string& name, KeyedEntries* entries) override {
    return registry_.RegisterEntries(name, entries);
  }

  // Values and then the rest, in blocks.
  absl::StatusOr<std::unique_ptr<KeyedSnapshot>> Snapshot() override {
    class Both final : public KeyedSnapshot {
     public:
      Both(std::unique_ptr<KeyedSnapshot> values, KeyedStateRegistry::Frozen frozen)
          : values_(std::move(values)), frozen_(std::move(frozen)) {}
      bool on_loop() const override { return true; }
      absl::StatusOr<bool> WriteSome(KeyedStateWriter& writer) override {
        if (frozen_written_) return values_->WriteSome(writer);
        frozen_written_ = frozen_.WriteSome(writer);
        return false;
      }

     private:
      const std::unique_ptr<KeyedSnapshot> values_;
      KeyedStateRegistry::Frozen frozen_;
      bool frozen_written_ = false;
    };
    PassFiles();
    ASSIGN_OR_RETURN(std::unique_ptr<KeyedSnapshot> values, values_->Snapshot());
    return std::make_unique<Both>(std::move(values), registry_.Freeze());
  }

  absl::StatusOr<std::unique_ptr<KeyedSnapshot>> SnapshotFiles() override {
    PassFiles();
    TableWriter table;
    ASSIGN_OR_RETURN(const std::unique_ptr<KeyedSnapshot> values, values_->Snapshot());
    absl::StatusOr<bool> all = false;
    while (all.ok() && !*all) all = values->WriteSome(table);
    RETURN_IF_ERROR(all.status());
    return std::make_unique<ModelSnapshot>(segments_, groups_, std::move(table), registry_.Freeze(),
                                           counts_);
  }

 private:
  void PassFiles() {
    if (std::exchange(passed_, true)) return;
    values_->Restore(std::move(files_));
  }

  const KeyGroupRange groups_;
  ModelBackendCounts& counts_;
  const std::unique_ptr<KeyedStateBackend> values_;
  KeyedStateRegistry registry_;
  RestoredKeyedState files_;  // until the first state is made
  bool passed_ = false;
  const std::shared_ptr<Segments> segments_;
};

}  // namespace

KeyedStateBackendMaker ModelBackends(ModelBackendCounts& counts) {
  return
      [&counts](
          const KeyedStateBackendPlan& plan) -> absl::StatusOr<std::unique_ptr<KeyedStateBackend>> {
        auto backend = std::make_unique<ModelBackend>(plan, counts);
        if (!plan.restored.empty()) RETURN_IF_ERROR(backend->ReadFiles(plan));
        return backend;
      };
}

}  // namespace pyflinkpp::sim

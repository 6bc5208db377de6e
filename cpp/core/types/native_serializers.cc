#include "core/types/native_serializers.h"

#include <concepts>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace pyflinkpp {
namespace {

constexpr absl::string_view kWrittenNative = "native ";

// How to treat one row type; the bulk loops below are written once.
struct LongTraits {
  using Row = int64_t;
  static constexpr const char* kName = "LONG";
  static void Relocate(Row& row, Arena&) { (void)row; }
  static void Write(const Row& row, BinaryWriter& out) { out.Put(row); }
  static bool Read(BinaryReader& in, Row& row, Arena&) { return in.Get(&row); }
  static void Format(const Row& row, std::string& out) { absl::StrAppend(&out, row); }
};

struct StringTraits {
  using Row = StringRow;
  static constexpr const char* kName = "STRING";
  static void Relocate(Row& row, Arena& arena) { row.data = arena.Copy(row.view()).data(); }
  static void Write(const Row& row, BinaryWriter& out) { out.PutBytes(row.view()); }
  static bool Read(BinaryReader& in, Row& row, Arena& arena) {
    absl::string_view bytes;
    if (!in.GetBytes(&bytes)) return false;
    row = {arena.Copy(bytes).data(), bytes.size()};
    return true;
  }
  static void Format(const Row& row, std::string& out) { out.append(row.data, row.size); }
};

struct CountedTraits {
  using Row = CountedRow;
  static constexpr const char* kName = "TUPLE<STRING, LONG>";
  static void Relocate(Row& row, Arena& arena) { StringTraits::Relocate(row.word, arena); }
  static void Write(const Row& row, BinaryWriter& out) {
    StringTraits::Write(row.word, out);
    out.Put(row.count);
  }
  static bool Read(BinaryReader& in, Row& row, Arena& arena) {
    return StringTraits::Read(in, row.word, arena) && in.Get(&row.count);
  }
  static void Format(const Row& row, std::string& out) {
    absl::StrAppend(&out, "(", row.word.view(), ",", row.count, ")");
  }
};

template <class Traits>
class NativeSerializer final : public TypeSerializer {
 public:
  using Row = typename Traits::Row;

  std::string name() const override { return Traits::kName; }
  uint32_t stride() const override { return sizeof(Row); }
  void Release(std::byte*, size_t) const override {}

  void Move(std::byte* from, size_t count, std::byte* to, Arena& arena) const override {
    CopyRows(from, count, to, arena);
    std::memset(from, 0, count * sizeof(Row));
  }
  absl::Status Copy(const std::byte* from, size_t count, std::byte* to,
                    Arena& arena) const override {
    CopyRows(from, count, to, arena);
    return absl::OkStatus();
  }
  absl::Status Write(const std::byte* rows, size_t count, BinaryWriter& out) const override {
    for (size_t i = 0; i < count; ++i) Traits::Write(Rows(rows)[i], out);
    return absl::OkStatus();
  }
  absl::Status Read(BinaryReader& in, size_t count, std::byte* rows, Arena& arena) const override {
    for (size_t i = 0; i < count; ++i) {
      if (!Traits::Read(in, reinterpret_cast<Row*>(rows)[i], arena))
        return Truncated(Traits::kName);
    }
    return absl::OkStatus();
  }
  absl::Status Format(const std::byte* rows, size_t count, std::string& out,
                      std::vector<size_t>& ends) const override {
    for (size_t i = 0; i < count; ++i) {
      Traits::Format(Rows(rows)[i], out);
      ends.push_back(out.size());
    }
    return absl::OkStatus();
  }

 private:
  static const Row* Rows(const std::byte* rows) { return reinterpret_cast<const Row*>(rows); }

  static void CopyRows(const std::byte* from, size_t count, std::byte* to, Arena& arena) {
    std::memcpy(to, from, count * sizeof(Row));
    if constexpr (!std::same_as<Row, int64_t>) {
      for (size_t i = 0; i < count; ++i) Traits::Relocate(reinterpret_cast<Row*>(to)[i], arena);
    }
  }
};

template <class Traits>
const std::shared_ptr<const TypeSerializer>& Shared() {
  static const auto* const serializer =
      new std::shared_ptr<const TypeSerializer>(std::make_shared<NativeSerializer<Traits>>());
  return *serializer;
}

}  // namespace

const std::shared_ptr<const TypeSerializer>& LongSerializer() { return Shared<LongTraits>(); }
const std::shared_ptr<const TypeSerializer>& StringSerializer() { return Shared<StringTraits>(); }
const std::shared_ptr<const TypeSerializer>& CountedSerializer() { return Shared<CountedTraits>(); }

std::shared_ptr<const TypeSerializer> NativeSerializerNamed(absl::string_view name) {
  for (const auto& each : {LongSerializer(), StringSerializer(), CountedSerializer()}) {
    if (each->name() == name) return each;
  }
  return nullptr;
}

std::string WrittenName(const TypeSerializer& serializer) {
  return absl::StrCat(IsNative(serializer) ? kWrittenNative : "", serializer.name());
}

std::shared_ptr<const TypeSerializer> NativeSerializerWritten(absl::string_view written_name) {
  return absl::ConsumePrefix(&written_name, kWrittenNative) ? NativeSerializerNamed(written_name)
                                                            : nullptr;
}

bool IsNative(const TypeSerializer& serializer) {
  return &serializer == LongSerializer().get() || &serializer == StringSerializer().get() ||
         &serializer == CountedSerializer().get();
}

}  // namespace pyflinkpp

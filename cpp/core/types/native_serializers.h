// Values that C++ operators make and read without Python.
//
//   LONG               8 bytes, an int64_t
//   STRING             16 bytes, a StringRow that points into the batch's arena
//   (STRING, LONG)     24 bytes, a CountedRow: what a native word count needs
#pragma once

#include <memory>
#include <string>

#include "core/types/type_serializer.h"

namespace pyflinkpp {

struct StringRow {
  const char* data;
  uint64_t size;
  absl::string_view view() const { return {data, size}; }
};

struct CountedRow {
  StringRow word;
  int64_t count;
};

const std::shared_ptr<const TypeSerializer>& LongSerializer();
const std::shared_ptr<const TypeSerializer>& StringSerializer();
const std::shared_ptr<const TypeSerializer>& CountedSerializer();

// The name of a serializer beside bytes that it has written. Native rows come back as such: operators
// may tell them from the same type of another serializer.
std::string WrittenName(const TypeSerializer& serializer);
// The native serializer of such a name; null: it was another.
std::shared_ptr<const TypeSerializer> NativeSerializerWritten(absl::string_view written_name);

// One of these by its name; null: it is none of them. Another serializer may have the same name for
// the same bytes.
std::shared_ptr<const TypeSerializer> NativeSerializerNamed(absl::string_view name);
bool IsNative(const TypeSerializer& serializer);

}  // namespace pyflinkpp

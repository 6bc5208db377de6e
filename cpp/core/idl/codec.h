// Bytes of a generated struct and back: Thrift's compact protocol over a memory buffer.
#pragma once

#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace pyflinkpp::idl {

template <class Struct>
std::string Encode(const Struct& value) {
  auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
  apache::thrift::protocol::TCompactProtocol protocol(buffer);
  value.write(&protocol);
  return buffer->getBufferAsString();
}

template <class Struct>
absl::StatusOr<Struct> Decode(const std::string& bytes) {
  using apache::thrift::transport::TMemoryBuffer;
  auto buffer = std::make_shared<TMemoryBuffer>(
      reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data())),
      static_cast<uint32_t>(bytes.size()), TMemoryBuffer::OBSERVE,
      // nothing in it can be longer than the message
      std::make_shared<apache::thrift::TConfiguration>(static_cast<int>(bytes.size())));
  apache::thrift::protocol::TCompactProtocol protocol(buffer);
  Struct value;
  try {
    value.read(&protocol);
  } catch (const std::exception& error) {
    return absl::DataLossError(absl::StrCat("not a valid message: ", error.what()));
  }
  return value;
}

}  // namespace pyflinkpp::idl

// The bytes of a call between processes: an RpcHeader and one call of a service of rpc.thrift.
#pragma once

#include <thrift/TProcessor.h>
#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/idl/rpc_types.h"

namespace pyflinkpp {

// Of rpc.thrift. Processes of different versions do not work together.
inline constexpr int32_t kRpcVersion = 1;
// The longest message. State that is kept in the JobManager's memory travels in messages.
inline constexpr size_t kRpcMessageMaxBytes = size_t{128} << 20;

// `call` makes one call of the generated `Client` that it is given.
template <class Client, class Call>
std::string EncodeCall(int64_t session, const Call& call) {
  auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
  auto protocol = std::make_shared<apache::thrift::protocol::TCompactProtocol>(buffer);
  idl::RpcHeader header;
  header.version = kRpcVersion;
  header.session = session;
  header.write(protocol.get());
  Client client(protocol);
  call(client);
  return buffer->getBufferAsString();
}

// The header of a message, which the rest of may be garbage.
absl::StatusOr<idl::RpcHeader> DecodeHeader(const std::string& message);

// Makes the call of a message on a generated `processor`. An error: it is not a valid message, and
// nothing was called. Reads strictly: nothing may be left behind the call.
absl::Status DispatchCall(const std::string& message, apache::thrift::TProcessor& processor);

}  // namespace pyflinkpp

#include "runtime/rpc/rpc_message.h"

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

using apache::thrift::protocol::TCompactProtocol;
using apache::thrift::protocol::TMessageType;
using apache::thrift::transport::TMemoryBuffer;

// Reads a message where it lies.
struct Reader {
  explicit Reader(const std::string& message)
      : buffer(std::make_shared<TMemoryBuffer>(
            reinterpret_cast<uint8_t*>(const_cast<char*>(message.data())),
            static_cast<uint32_t>(message.size()), TMemoryBuffer::OBSERVE,
            // nothing in it can be longer than itself
            std::make_shared<apache::thrift::TConfiguration>(static_cast<int>(message.size())))),
        protocol(std::make_shared<TCompactProtocol>(buffer)) {}

  std::shared_ptr<TMemoryBuffer> buffer;
  std::shared_ptr<TCompactProtocol> protocol;
};

absl::Status Invalid(const std::string& what) {
  return absl::DataLossError(absl::StrCat("not a valid message: ", what));
}

absl::Status CheckSize(const std::string& message) {
  if (message.size() > kRpcMessageMaxBytes)
    return Invalid(absl::StrCat(message.size(), " bytes, at most ", kRpcMessageMaxBytes));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<idl::RpcHeader> DecodeHeader(const std::string& message) {
  RETURN_IF_ERROR(CheckSize(message));
  Reader reader(message);
  idl::RpcHeader header;
  try {
    header.read(reader.protocol.get());
  } catch (const std::exception& error) {
    return Invalid(error.what());
  }
  return header;
}

absl::Status DispatchCall(const std::string& message, apache::thrift::TProcessor& processor) {
  RETURN_IF_ERROR(CheckSize(message));
  try {
    std::string method;
    {
      // The generated code tells of a wrong kind on the standard error, so it does not get any.
      Reader ahead(message);
      idl::RpcHeader header;
      header.read(ahead.protocol.get());
      TMessageType type;
      int32_t sequence;
      ahead.protocol->readMessageBegin(method, type, sequence);
      if (type != apache::thrift::protocol::T_ONEWAY) return Invalid("it is no call");
      // All of it is checked before anything is called.
      ahead.protocol->skip(apache::thrift::protocol::T_STRUCT);
      if (ahead.buffer->available_read() != 0) return Invalid("bytes are left behind the call");
    }
    Reader reader(message);
    idl::RpcHeader header;
    header.read(reader.protocol.get());
    auto answer = std::make_shared<TMemoryBuffer>();
    processor.process(reader.protocol, std::make_shared<TCompactProtocol>(answer), nullptr);
    // Calls have no answer; the generated code gives one to a method that it does not know.
    if (answer->available_read() != 0)
      return Invalid(absl::StrCat("there is no method '", method.substr(0, 64), "'"));
  } catch (const std::exception& error) {
    return Invalid(error.what());
  }
  return absl::OkStatus();
}

}  // namespace pyflinkpp

// Certificates for tests, made when they are needed.
#pragma once

#include <memory>
#include <string>

namespace pyflinkpp::harness {

// Signs certificates. Elliptic curves, so that making them takes no time.
class Authority {
 public:
  explicit Authority(const std::string& name);
  ~Authority();

  std::string certificate_pem() const;
  struct Signed {
    std::string certificate_pem;
    std::string key_pem;
  };
  Signed Sign(const std::string& name) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace pyflinkpp::harness

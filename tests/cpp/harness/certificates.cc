#include "harness/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/base/check.h"

namespace pyflinkpp::harness {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Bio = std::unique_ptr<BIO, Free>;

Key MakeKey() { return Key(EVP_EC_gen("P-256")); }

Certificate MakeCertificate(const std::string& name, EVP_PKEY& key, X509* issuer,
                            EVP_PKEY& issuer_key) {
  Certificate made(X509_new());
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), &key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer == nullptr ? made.get() : issuer));
  if (issuer == nullptr) {
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(made.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  PFPP_CHECK(X509_sign(made.get(), &issuer_key, EVP_sha256()) > 0);
  return made;
}

std::string TextOf(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<size_t>(size)};
}

std::string PemOf(X509& certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PFPP_CHECK(PEM_write_bio_X509(bio.get(), &certificate) == 1);
  return TextOf(bio.get());
}

std::string PemOf(EVP_PKEY& key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PFPP_CHECK(PEM_write_bio_PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return TextOf(bio.get());
}

}  // namespace

struct Authority::Parts {
  Key key = MakeKey();
  Certificate certificate;
};

Authority::Authority(const std::string& name) : parts_(std::make_unique<Parts>()) {
  parts_->certificate = MakeCertificate(name, *parts_->key, nullptr, *parts_->key);
}

Authority::~Authority() = default;

std::string Authority::certificate_pem() const { return PemOf(*parts_->certificate); }

Authority::Signed Authority::Sign(const std::string& name) const {
  const Key key = MakeKey();
  const Certificate made = MakeCertificate(name, *key, parts_->certificate.get(), *parts_->key);
  return {PemOf(*made), PemOf(*key)};
}

}  // namespace pyflinkpp::harness

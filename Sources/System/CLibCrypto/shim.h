#pragma once
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "timestamp.h"

// The one-shot and EVP interfaces of OpenSSL 3 cost more than hashing a short row does. The plain
// SHA-256 functions are marked deprecated, not slow or unsafe: they are wrapped here to keep that quiet.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include <openssl/sha.h>
static inline int clibcrypto_sha256_init(SHA256_CTX *context) { return SHA256_Init(context); }
static inline int clibcrypto_sha256_update(SHA256_CTX *context, const void *bytes, size_t count) {
    return SHA256_Update(context, bytes, count);
}
static inline int clibcrypto_sha256_final(unsigned char digest[32], SHA256_CTX *context) {
    return SHA256_Final(digest, context);
}
#pragma GCC diagnostic pop

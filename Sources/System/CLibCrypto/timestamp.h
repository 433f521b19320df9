#pragma once
// RFC 3161: a query for SHA-256, and what can be said about an answer. OpenSSL's macros and ownership rules stay here.
#include <openssl/ts.h>
#include <openssl/x509_vfy.h>
#include <string.h>

/// The DER of a query; the caller frees it with OPENSSL_free. Returns its length, or -1.
static inline int clibcrypto_timestamp_query(
    const unsigned char digest[32], const unsigned char nonce[8], unsigned char **query) {
    int count = -1;
    TS_REQ *request = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    BIGNUM *big = BN_bin2bn(nonce, 8, NULL);
    if (request && imprint && algorithm && number && big) {
        X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL);
        if (TS_REQ_set_version(request, 1) && TS_MSG_IMPRINT_set_algo(imprint, algorithm)
            && TS_MSG_IMPRINT_set_msg(imprint, (unsigned char *)digest, 32) && TS_REQ_set_msg_imprint(request, imprint)
            && BN_to_ASN1_INTEGER(big, number) && TS_REQ_set_nonce(request, number) && TS_REQ_set_cert_req(request, 1))
            count = i2d_TS_REQ(request, query);
    }
    BN_free(big);
    ASN1_INTEGER_free(number);
    X509_ALGOR_free(algorithm);
    TS_MSG_IMPRINT_free(imprint);
    TS_REQ_free(request);
    ERR_clear_error();
    return count;
}

/// Judges an answer. 0: granted, for this digest; -1: not an answer; -2: refused; -3: for something else; -4: not signed
/// by anybody whom the file of certificates knows. `time` becomes the time as YYYYMMDDHHMMSSZ.
static inline int clibcrypto_timestamp_check(
    const unsigned char *answer, long count, const unsigned char digest[32], const unsigned char *nonce,
    const char *authorities, char time[32]) {
    const unsigned char *position = answer;
    int result = -1;
    TS_RESP *response = d2i_TS_RESP(NULL, &position, count);
    if (!response) {
        ERR_clear_error();
        return -1;
    }
    TS_TST_INFO *info = TS_RESP_get_tst_info(response);
    if (!info) {
        result = -2;
    } else {
        result = -3;
        TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info);
        ASN1_OCTET_STRING *message = imprint ? TS_MSG_IMPRINT_get_msg(imprint) : NULL;
        X509_ALGOR *algorithm = imprint ? TS_MSG_IMPRINT_get_algo(imprint) : NULL;
        const ASN1_OBJECT *object = NULL;
        if (algorithm) X509_ALGOR_get0(&object, NULL, NULL, algorithm);
        int same = message && ASN1_STRING_length(message) == 32 && object && OBJ_obj2nid(object) == NID_sha256
            && memcmp(ASN1_STRING_get0_data(message), digest, 32) == 0;
        if (same && nonce) {
            const ASN1_INTEGER *number = TS_TST_INFO_get_nonce(info);
            BIGNUM *big = BN_bin2bn(nonce, 8, NULL), *theirs = number ? ASN1_INTEGER_to_BN(number, NULL) : NULL;
            same = big && theirs && BN_cmp(big, theirs) == 0;
            BN_free(big);
            BN_free(theirs);
        }
        if (same) {
            const ASN1_GENERALIZEDTIME *when = TS_TST_INFO_get_time(info);
            struct tm parts;
            result = when && ASN1_TIME_to_tm(when, &parts) && strftime(time, 32, "%Y%m%dT%H%M%SZ", &parts) ? 0 : -1;
        }
        if (result == 0 && authorities) {
            result = -4;
            TS_VERIFY_CTX *context = TS_VERIFY_CTX_new();
            X509_STORE *store = X509_STORE_new();
            unsigned char *copy = (unsigned char *)OPENSSL_memdup(digest, 32);
            if (context && store && copy && X509_STORE_load_file(store, authorities)) {
                TS_VERIFY_CTX_set_flags(context, TS_VFY_VERSION | TS_VFY_IMPRINT | TS_VFY_SIGNATURE);
                TS_VERIFY_CTX_set_store(context, store);
                TS_VERIFY_CTX_set_imprint(context, copy, 32);
                store = NULL, copy = NULL;  // the context owns both from here on
                if (TS_RESP_verify_response(context, response) == 1) result = 0;
            }
            OPENSSL_free(copy);
            X509_STORE_free(store);
            TS_VERIFY_CTX_free(context);
        }
    }
    TS_RESP_free(response);
    ERR_clear_error();
    return result;
}

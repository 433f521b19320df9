/* The same work at C's speed, by libsodium alone, for scripts/benchmark-fields: random nonce, padding, 45 bytes of associated
   data, a buffer from malloc for each result. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned char key[32], data[45], value[128], sealed[256];
static size_t count, padded;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void encrypt(void) {
    unsigned char *result = malloc(33 + padded + 16);
    result[0] = 1;
    memset(result + 1, 7, 8);
    randombytes_buf(result + 9, 24);
    memcpy(result + 33, value, count);
    result[33 + count] = 0x80;
    memset(result + 34 + count, 0, padded - count - 1);
    crypto_aead_xchacha20poly1305_ietf_encrypt(result + 33, NULL, result + 33, padded, data, sizeof data, NULL, result + 9, key);
    memcpy(sealed, result, 33 + padded + 16);
    free(result);
}

static void decrypt(void) {
    unsigned char *result = malloc(padded);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            result, NULL, NULL, sealed + 33, padded + 16, data, sizeof data, sealed + 9, key))
        abort();
    size_t end = padded - 1;
    while (result[end] == 0) end--;
    if (result[end] != 0x80) abort();
    free(result);
}

static void measure(const char *what, void (*body)(void)) {
    double best = 0;
    for (int round = 0; round < 5; round++) {
        double begin = now(), took = 0;
        long calls = 0;
        while (took < 0.2) {
            for (int call = 0; call < 1000; call++) body();
            calls += 1000;
            took = now() - begin;
        }
        if (calls / took > best) best = calls / took;
    }
    printf("{\"what\": \"%s\", \"bytes\": %zu, \"rate\": %.0f}\n", what, count, best);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    randombytes_buf(key, sizeof key);
    size_t sizes[] = {16, 32, 64};
    for (int size = 0; size < 3; size++) {
        count = sizes[size];
        padded = (count / 16 + 1) * 16;
        measure("encrypt", encrypt);
        measure("decrypt", decrypt);
    }
    return 0;
}

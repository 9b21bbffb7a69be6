/* Terminal authentication as libeac (OpenPACE) sees it: imports a chain of card verifiable certificates under a CVCA and
 * checks a terminal's signature.
 *
 * usage: ta_check CVCA CERTIFICATE... -- CHIP-IDENTIFIER CHALLENGE TERMINAL-KEY SIGNATURE      (the last four hexadecimal)
 */
#include <eac/eac.h>
#include <eac/ta.h>
#include <openssl/buffer.h>
#include <stdio.h>
#include <string.h>

static BUF_MEM *buffer(const unsigned char *data, size_t size) {
    BUF_MEM *made = BUF_MEM_new();
    if (!made || !BUF_MEM_grow(made, size)) return NULL;
    memcpy(made->data, data, size);
    return made;
}

static BUF_MEM *hex(const char *text) {
    unsigned char bytes[1024];
    size_t size = strlen(text) / 2;
    for (size_t i = 0; i < size && i < sizeof bytes; i++) {
        unsigned value;
        if (sscanf(text + 2 * i, "%2x", &value) != 1) return NULL;
        bytes[i] = (unsigned char)value;
    }
    return buffer(bytes, size);
}

static BUF_MEM *file(const char *path) {
    unsigned char bytes[4096];
    FILE *opened = fopen(path, "rb");
    if (!opened) return NULL;
    size_t size = fread(bytes, 1, sizeof bytes, opened);
    fclose(opened);
    return buffer(bytes, size);
}

int main(int argc, char **argv) {
    EAC_init();
    EAC_CTX *context = EAC_CTX_new();
    int at = 1;
    BUF_MEM *anchor = argc > 7 ? file(argv[at++]) : NULL;
    if (!context || !anchor
        || !EAC_CTX_init_ta(context, NULL, 0, (unsigned char *)anchor->data, anchor->length)) {
        puts("anchor refused");
        return 1;
    }
    for (; at < argc && strcmp(argv[at], "--"); at++) {
        BUF_MEM *certificate = file(argv[at]);
        if (!certificate
            || !TA_STEP2_import_certificate(context, (unsigned char *)certificate->data, certificate->length)) {
            puts("certificate refused");
            return 2;
        }
    }
    if (at + 5 != argc) return 3;
    BUF_MEM *chip = hex(argv[at + 1]), *challenge = hex(argv[at + 2]);
    BUF_MEM *terminal = hex(argv[at + 3]), *signature = hex(argv[at + 4]);
    if (!TA_STEP4_set_nonce(context, challenge)) return 4;
    int verified = TA_STEP6_verify(context, terminal, chip, NULL, signature);
    puts(verified == 1 ? "verified" : "signature refused");
    return verified == 1 ? 0 : 5;
}

/* A PACE card that is not ours, for vpcd: PACE and secure messaging by libeac (OpenPACE), files from a directory.
 *
 * usage: eac_card DIRECTORY CAN PORT        (DIRECTORY holds FID.bin files, 011C.bin being EF.CardAccess)
 */
#include <arpa/inet.h>
#include <eac/eac.h>
#include <eac/pace.h>
#include <netinet/tcp.h>
#include <openssl/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *directory, *can;
static EAC_CTX *context;
static PACE_SEC *secret;
static BUF_MEM *terminal_key;
static int secured, application;
static unsigned selected;

static const unsigned char ATR[] = { 0x3B, 0x80, 0x80, 0x01, 0x01 };
static const unsigned char AID[] = { 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01 };

static BUF_MEM *buffer(const unsigned char *data, size_t size) {
    BUF_MEM *made = BUF_MEM_new();
    if (!made || !BUF_MEM_grow(made, size)) abort();
    if (size) memcpy(made->data, data, size);
    return made;
}

static size_t read_file(unsigned id, unsigned char *out, size_t room) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%04X.bin", directory, id);
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    size_t size = fread(out, 1, room, file);
    fclose(file);
    return size;
}

static void reset(void) {
    if (context) EAC_CTX_clear_free(context);
    if (secret) PACE_SEC_clear_free(secret);
    context = NULL;
    secret = NULL;
    secured = application = 0;
    selected = 0;
}

static size_t put(unsigned char *out, unsigned tag, const unsigned char *value, size_t size) {
    size_t at = 0;
    out[at++] = (unsigned char)tag;
    if (size > 255) {
        out[at++] = 0x82;
        out[at++] = (unsigned char)(size >> 8);
    } else if (size > 127) {
        out[at++] = 0x81;
    }
    out[at++] = (unsigned char)size;
    memcpy(out + at, value, size);
    return at + size;
}

/* Steps over a one-byte tag and its length; returns the length's value. */
static size_t open_object(const unsigned char **at) {
    const unsigned char *here = *at + 1;
    size_t length = *here++;
    if (length == 0x81) {
        length = *here++;
    } else if (length == 0x82) {
        length = (size_t)here[0] << 8 | here[1];
        here += 2;
    }
    *at = here;
    return length;
}

/* The object behind the one-byte tag of dynamic authentication data. */
static unsigned dynamic(const unsigned char *data, size_t size, const unsigned char **value, size_t *length) {
    const unsigned char *at = data;
    if (size < 2 || data[0] != 0x7C) return 0xFFFF;
    if (open_object(&at) == 0) return 0;
    unsigned tag = at[0];
    *length = open_object(&at);
    *value = at;
    return at + *length <= data + size ? tag : 0xFFFF;
}

static size_t answer_with(unsigned tag, BUF_MEM *value, unsigned char *out) {
    unsigned char inner[600];
    if (!value) return 0;
    size_t size = put(inner, tag, (unsigned char *)value->data, value->length);
    return put(out, 0x7C, inner, size);
}

static unsigned general_authenticate(const unsigned char *data, size_t size, unsigned char *out, size_t *written) {
    const unsigned char *value = NULL;
    size_t length = 0;
    unsigned tag = dynamic(data, size, &value, &length);
    BUF_MEM *given = value ? buffer(value, length) : NULL, *made = NULL;
    if (!context || !secret) return 0x6985;
    switch (tag) {
    case 0:
        *written = answer_with(0x80, PACE_STEP1_enc_nonce(context, secret), out);
        break;
    case 0x81:
        made = PACE_STEP3A_generate_mapping_data(context);
        if (!made || !PACE_STEP3A_map_generator(context, given)) return 0x6F01;
        *written = answer_with(0x82, made, out);
        break;
    case 0x83:
        made = PACE_STEP3B_generate_ephemeral_key(context);
        if (!made || !PACE_STEP3B_compute_shared_secret(context, given) || !PACE_STEP3C_derive_keys(context)) return 0x6F02;
        terminal_key = given;
        *written = answer_with(0x84, made, out);
        break;
    case 0x85:
        if (PACE_STEP3D_verify_authentication_token(context, given) != 1) return 0x6300;
        made = PACE_STEP3D_compute_authentication_token(context, terminal_key);
        *written = answer_with(0x86, made, out);
        if (!EAC_CTX_set_encryption_ctx(context, EAC_ID_PACE) || !EAC_reset_ssc(context)) return 0x6F03;
        secured = 2; /* from the next command on */
        break;
    default:
        return 0x6A80;
    }
    return *written ? 0x9000 : 0x6F04;
}

static unsigned set_at(void) {
    static unsigned char card_access[512];
    size_t size = read_file(0x011C, card_access, sizeof card_access);
    context = EAC_CTX_new();
    if (!context || !EAC_CTX_init_ef_cardaccess(card_access, size, context)) return 0x6F05;
    context->tr_version = EAC_TR_VERSION_2_02;
    secret = PACE_SEC_new(can, strlen(can), PACE_CAN);
    return secret ? 0x9000 : 0x6F06;
}

static unsigned plain(const unsigned char *header, const unsigned char *data, size_t size, size_t le, unsigned char *out,
                      size_t *written) {
    static unsigned char file[65536];
    unsigned ins = header[1], p1 = header[2], p2 = header[3];
    *written = 0;
    if (ins == 0xA4 && p1 == 4) {
        application = size == sizeof AID && !memcmp(data, AID, size);
        return application ? 0x9000 : 0x6A82;
    }
    if (ins == 0xA4 && p1 == 2 && size == 2) {
        selected = (unsigned)data[0] << 8 | data[1];
    } else if (ins == 0xB0 && p1 & 0x80) {
        selected = 0x0100 | (p1 & 0x1F);
    } else if (ins == 0x22) {
        return set_at();
    } else if (ins == 0x86) {
        return general_authenticate(data, size, out, written);
    } else if (ins != 0xB0) {
        return 0x6D00;
    }
    int allowed = selected == 0x011C ? !application : application;
    size_t all = allowed ? read_file(selected, file, sizeof file) : 0;
    if (!all) return 0x6A82;
    if (selected != 0x011C && !secured) return 0x6982;
    if (ins == 0xA4) return 0x9000;
    size_t offset = p1 & 0x80 ? p2 : (size_t)p1 << 8 | p2;
    if (offset >= all) return 0x6B00;
    *written = all - offset < le ? all - offset : le;
    if (*written > 223) *written = 223;
    memcpy(out, file + offset, *written);
    return 0x9000;
}

static unsigned protected(const unsigned char *header, const unsigned char *data, size_t size, unsigned char *out,
                          size_t *written) {
    unsigned char covered[1024], clear[600], answer[600];
    const unsigned char *mac = NULL, *cryptogram = NULL;
    size_t covered_size = 0, cryptogram_size = 0, le = 0, at = 0, clear_size = 0, answered = 0;
    EAC_increment_ssc(context);
    BUF_MEM *head = buffer(header, 4), *padded = EAC_add_iso_pad(context, head);
    memcpy(covered, padded->data, padded->length);
    covered_size = padded->length;
    while (at + 2 <= size) {
        size_t start = at;
        unsigned tag = data[at++];
        size_t length = data[at++];
        if (length == 0x81) length = data[at++];
        if (at + length > size) return 0x6988;
        if (tag == 0x8E) {
            mac = data + at;
        } else {
            memcpy(covered + covered_size, data + start, at + length - start);
            covered_size += at + length - start;
            if (tag == 0x87) {
                cryptogram = data + at + 1;
                cryptogram_size = length - 1;
            } else if (tag == 0x97) {
                le = length == 1 ? (data[at] ? data[at] : 256) : 65536;
            }
        }
        at += length;
    }
    if (!mac) return 0x6987;
    BUF_MEM *message = buffer(covered, covered_size), *unsigned_ = EAC_add_iso_pad(context, message);
    BUF_MEM *tag = EAC_authenticate(context, unsigned_);
    if (!tag || tag->length < 8 || memcmp(tag->data, mac, 8)) return 0x6988;
    if (cryptogram) {
        BUF_MEM *sealed = buffer(cryptogram, cryptogram_size), *opened = EAC_decrypt(context, sealed);
        BUF_MEM *bare = opened ? EAC_remove_iso_pad(opened) : NULL;
        if (!bare || bare->length > sizeof clear) return 0x6988;
        memcpy(clear, bare->data, bare->length);
        clear_size = bare->length;
    }
    unsigned char bare_header[4] = { header[0] & 0xF0, header[1], header[2], header[3] };
    unsigned status = plain(bare_header, clear, clear_size, le, answer, &answered);
    EAC_increment_ssc(context);
    size_t end = 0;
    if (answered) {
        BUF_MEM *padded_answer = EAC_add_iso_pad(context, buffer(answer, answered));
        BUF_MEM *sealed = EAC_encrypt(context, padded_answer);
        unsigned char with_indicator[700] = { 0x01 };
        memcpy(with_indicator + 1, sealed->data, sealed->length);
        end = put(out, 0x87, with_indicator, sealed->length + 1);
    }
    unsigned char word[2] = { (unsigned char)(status >> 8), (unsigned char)status };
    end += put(out + end, 0x99, word, 2);
    BUF_MEM *covered_answer = EAC_add_iso_pad(context, buffer(out, end));
    BUF_MEM *seal = EAC_authenticate(context, covered_answer);
    end += put(out + end, 0x8E, (unsigned char *)seal->data, 8);
    *written = end;
    return status;
}

static size_t transmit(const unsigned char *apdu, size_t size, unsigned char *out) {
    size_t lc = 0, le = 0, written = 0;
    const unsigned char *data = apdu + 5;
    unsigned status = 0x6700;
    if (size == 5) {
        le = apdu[4] ? apdu[4] : 256;
    } else if (size > 9 && apdu[4] == 0 && secured != 1) {
        /* Extended length, for the long keys of DH; inside a session this card does not take it. */
        lc = (size_t)apdu[5] << 8 | apdu[6];
        data = apdu + 7;
        if (7 + lc > size) lc = 0;
        le = 256;
    } else if (size > 5) {
        lc = apdu[4];
        if (size > 5 + lc) le = apdu[5 + lc] ? apdu[5 + lc] : 256;
    }
    if (size >= 4 && !(size > 5 && apdu[4] == 0 && lc == 0) && 5 + lc <= size + 1) {
        if (secured == 1 && (apdu[0] & 0x0C) == 0x0C)
            status = protected(apdu, data, lc, out, &written);
        else
            status = plain(apdu, data, lc, le, out, &written);
    }
    if (secured == 2) secured = 1;
    out[written++] = (unsigned char)(status >> 8);
    out[written++] = (unsigned char)status;
    return written;
}

static int receive(int reader, unsigned char *out, size_t count) {
    for (size_t have = 0; have < count;) {
        int on = 1;
        setsockopt(reader, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        ssize_t got = read(reader, out + have, count - have);
        if (got <= 0) return 0;
        have += (size_t)got;
    }
    return 1;
}

int main(int argc, char **argv) {
    static unsigned char in[70000], out[70000];
    if (argc != 4) return 64;
    directory = argv[1];
    can = argv[2];
    EAC_init();
    int reader = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[3])) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(reader, (struct sockaddr *)&address, sizeof address)) return 1;
    setsockopt(reader, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fprintf(stderr, "card is on the reader\n");
    while (receive(reader, in, 2)) {
        size_t size = (size_t)in[0] << 8 | in[1], answered = 0;
        if (!receive(reader, in, size)) break;
        if (size == 1 && (in[0] == 1 || in[0] == 2)) {
            reset();
            continue;
        } else if (size == 1 && in[0] == 4) {
            memcpy(out + 2, ATR, answered = sizeof ATR);
        } else if (size > 1) {
            answered = transmit(in, size, out + 2);
        } else {
            continue;
        }
        out[0] = (unsigned char)(answered >> 8);
        out[1] = (unsigned char)answered;
        if (write(reader, out, answered + 2) != (ssize_t)answered + 2) break;
    }
    return 0;
}

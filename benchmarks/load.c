/* Loads one server over many links from one thread, counts what comes back, and tells it as one JSON object.
 *
 * Usage: load PLAN. The plan is lines of words, written by benchmarks/generator.py:
 *   protocol hutong|mqtt|nats|jetstream|socketio|xmpp      host IPV4      port N      server PID (whose CPU and memory to read)
 *   window N (messages each sender keeps outstanding)      rate N (messages a second of all senders; 0: closed loop)
 *   warm_ms N      measured_ms N (0: only open the links and read memory)      settle_ms N (quiet before the start)
 *   drain_ms N (silence after which what is missing is lost)
 *   baseline N (links after which memory is read first)      sample N (one delivery in N has its latency taken)
 *   stalled N (so many readers, the last that do not send, read nothing from the first message on)
 *   storm N (1: all links are cut at once and come back, each with its resume token; nothing is sent)
 *   client TOKEN CONVERSATION GROUP SENDS READS
 *
 * Rules of the file:
 * - The generator must cost less than the server: frames are prepared once and patched in place, arriving frames are
 *   stepped over by their length, and only what is asked for is parsed.
 * - Latency goes from the time a message was meant to be sent: the closed loop means it when its window opens, the open
 *   loop when its arrival was drawn. The time travels in the text, so that a delivery needs no table.
 * - Everything accepted must be delivered to every other reader of the group; at the end that is counted, not hoped.
 * - A link closed by the server, or anything that cannot be understood, ends the run: half a load is no load.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef unsigned char byte;

enum {
    OPENING_MAX = 64,          /* links in their handshake at once: below any listener's backlog */
    RING = 4096,               /* sends of one client whose time is remembered; a power of two */
    BUFFER = 1 << 18,          /* one read, one write */
    TEXT = 100,                /* bytes of a message's text */
    STAMP = 16,                /* decimal digits of its time, microseconds of the monotonic clock */
    ACK_MS = 1000,             /* a client acknowledges each second */
    ACK_SLICES = 16,           /* the second is cut in slices, so that clients do not acknowledge in step */
    RETRY_US = 500000,         /* a link that was turned away comes back within so long */
    OPEN_MS = 200000,          /* time for all links to open: ejabberd's rooms of 500 take it */
};

static const char MARK[] = "stamp=";
enum { MARK_BYTES = sizeof MARK - 1 };

enum stage { UNOPENED, UPGRADING, JOINING, LIVE };

struct client {
    int fd;
    enum stage stage;
    bool sends, reads;
    unsigned group, outstanding, unacknowledged;
    uint64_t number, answered, sequence;      /* the last number sent; answered, where answers have none; seen */
    uint64_t *sent_us;                        /* by number, modulo RING */
    uint64_t retry_us;                        /* when a link that was cut comes back; 0: not waiting */
    bool stalled;
    byte *frame, *ack, *rest, *unsent;        /* prepared send and acknowledgement; half a frame; bytes not yet sent */
    size_t frame_bytes, number_at, stamp_at, ack_bytes, rest_bytes, unsent_bytes;
    char token[2048], conversation[192], resume[513];
};

/* What a protocol must know: its words, never the workload. */
struct codec {
    bool echoes;                                             /* does a sender that reads get its own messages? */
    void (*prepare)(struct client *);                        /* build the frames to be patched */
    void (*greet)(struct client *);                          /* the first bytes on a new link */
    size_t (*take)(struct client *, const byte *, size_t);   /* take one frame: its bytes, or 0 when not all there */
    void (*patch)(byte *number, uint64_t value);
    void (*acknowledge)(struct client *);                    /* say what was stored, or NULL */
};

static struct {
    char protocol[32], host[64];
    int port, server;
    unsigned window, warm_ms, measured_ms, settle_ms, drain_ms, baseline, sample, stalled, storm;
    double rate;
} plan = {.window = 1, .drain_ms = 5000, .sample = 1};

enum phase { OPENING, SETTLING, STORMING, WARMING, MEASURING, DRAINING, DONE };

struct counts { uint64_t accepted, delivered, refused; };

static const struct codec *codec;
static struct client **clients, **senders;
static unsigned client_count, sender_count, opened, live, group_count, *readers;
static enum phase phase = OPENING;
static struct counts total, at_start, at_end;
static uint64_t expected, sent, outstanding, now_us, progress_us;
static byte in[BUFFER], out[BUFFER];
static size_t out_bytes;
static int poller;

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void *room(size_t count, size_t size) {
    void *given = calloc(count ? count : 1, size);
    if (!given) die("out of memory");
    return given;
}

static uint64_t clock_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- histogram: 64 steps an octave, so a percentile is at most 1.6 % too low ---- */

enum { STEPS = 64, OCTAVES = 40 };
struct histogram { uint64_t count, max, cell[OCTAVES * STEPS]; };
static struct histogram ack_us, delivery_us;

static void note(struct histogram *h, uint64_t value) {
    unsigned octave = value < 2 * STEPS ? 0 : 57 - (unsigned)__builtin_clzll(value);
    h->cell[octave * STEPS + (value >> octave)]++;
    h->count++;
    if (value > h->max) h->max = value;
}

static uint64_t percentile(const struct histogram *h, double share) {
    uint64_t wanted = (uint64_t)ceil(share * (double)h->count), seen = 0;
    for (unsigned i = 0; i < OCTAVES * STEPS; i++) {
        seen += h->cell[i];
        if (seen < wanted || !seen) continue;
        unsigned octave = i < 2 * STEPS ? 0 : i / STEPS - 1;
        return (uint64_t)(i - octave * STEPS) << octave;
    }
    return 0;
}

/* ---- bytes out: what a client says while one of its events is handled leaves in one write ---- */

static void say(const void *bytes, size_t count) {
    if (out_bytes + count > BUFFER) die("one write of more than %d bytes", BUFFER);
    memcpy(out + out_bytes, bytes, count);
    out_bytes += count;
}

static void watch(struct client *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->fd, &event)) die("epoll_ctl: %s", strerror(errno));
}

static void keep_unsent(struct client *c, const byte *bytes, size_t count) {
    if (!count) return;
    if (!c->unsent_bytes) watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    c->unsent = realloc(c->unsent, c->unsent_bytes + count);
    if (!c->unsent) die("out of memory");
    memcpy(c->unsent + c->unsent_bytes, bytes, count);
    c->unsent_bytes += count;
}

static size_t write_some(struct client *c, const byte *bytes, size_t count) {
    ssize_t done = send(c->fd, bytes, count, MSG_NOSIGNAL);
    if (done < 0 && errno != EAGAIN && phase == STORMING) return count; /* turned away: reading will tell */
    if (done < 0 && errno != EAGAIN) die("send: %s", strerror(errno));
    return done < 0 ? 0 : (size_t)done;
}

static void flush(struct client *c) {
    size_t done = c->unsent_bytes || !out_bytes ? 0 : write_some(c, out, out_bytes);
    keep_unsent(c, out + done, out_bytes - done);
    out_bytes = 0;
}

static void flush_unsent(struct client *c) {
    size_t done = write_some(c, c->unsent, c->unsent_bytes);
    c->unsent_bytes -= done;
    memmove(c->unsent, c->unsent + done, c->unsent_bytes);
    if (!c->unsent_bytes) watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

/* ---- the workload: what every protocol shares ---- */

static void write_decimal(byte *at, int digits, uint64_t value) {
    for (int i = digits - 1; i >= 0; i--, value /= 10) at[i] = (byte)('0' + value % 10);
}

static uint64_t read_decimal(const byte *at, const byte *end) {
    uint64_t value = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++) value = value * 10 + (*at - '0');
    return value;
}

static uint64_t after(uint64_t number) {
    return (number + 1) & 0xffff ? number + 1 : number + 2; /* MQTT has no packet identifier 0 */
}

static void send_one(struct client *c, uint64_t meant_us) {
    c->number = after(c->number);
    if (c->outstanding == RING - 2) die("the server lags by %d messages on one link: the rate is too high", RING);
    byte *frame = out + out_bytes;
    say(c->frame, c->frame_bytes);
    codec->patch(frame + c->number_at, c->number);
    write_decimal(frame + c->stamp_at, STAMP, meant_us);
    c->sent_us[c->number % RING] = meant_us;
    c->outstanding++;
    outstanding++;
    sent++;
}

static void became_live(struct client *c) {
    c->stage = LIVE;
    live++;
    progress_us = now_us;
}

static void was_answered(struct client *c) {
    if (!c->outstanding) die("an answer to nothing");
    c->outstanding--;
    outstanding--;
    progress_us = now_us;
}

static void was_accepted(struct client *c, uint64_t number) {
    was_answered(c);
    total.accepted++;
    expected += readers[c->group] - (c->reads && !codec->echoes);
    if (phase == MEASURING) note(&ack_us, now_us - c->sent_us[number % RING]);
}

static void was_refused(struct client *c, const byte *frame, size_t count) {
    was_answered(c);
    if (!total.refused++) fprintf(stderr, "load: first refusal: %.*s\n", (int)count, (const char *)frame);
}

static void was_delivered(const byte *frame, size_t count) {
    total.delivered++;
    progress_us = now_us;
    if (phase != MEASURING || total.delivered % plan.sample) return;
    const byte *at = memmem(frame, count, MARK, MARK_BYTES);
    if (!at || at + MARK_BYTES + STAMP > frame + count) die("a delivery without its stamp");
    note(&delivery_us, now_us - read_decimal(at + MARK_BYTES, at + MARK_BYTES + STAMP));
}

static void put_text(byte *at) {
    memset(at, 'x', TEXT);
    memcpy(at, MARK, MARK_BYTES);
    write_decimal(at + MARK_BYTES, STAMP, 0);
}

static size_t put(byte *at, const void *bytes, size_t count) {
    memcpy(at, bytes, count);
    return count;
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

/* ---- websocket: what hutong and socketio share ---- */

enum { WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* A client's header: final, masked with the key zero, which leaves the payload as it is. */
static size_t put_header(byte *at, byte opcode, size_t count) {
    at[0] = 0x80 | opcode;
    if (count < 126) {
        at[1] = (byte)(0x80 | count);
        memset(at + 2, 0, 4);
        return 6;
    }
    at[1] = 0x80 | 126, at[2] = (byte)(count >> 8), at[3] = (byte)count;
    memset(at + 4, 0, 4);
    return 8;
}

static byte *framed(byte opcode, const byte *payload, size_t count, size_t *bytes) {
    byte *frame = room(count + 8, 1);
    size_t header = put_header(frame, opcode, count);
    memcpy(frame + header, payload, count);
    *bytes = header + count;
    return frame;
}

/* The frame of every send; where its number and its text stand in the payload. */
static void prepare_frame(struct client *c, byte opcode, const byte *payload, size_t count, size_t number, size_t text) {
    c->frame = framed(opcode, payload, count, &c->frame_bytes);
    size_t header = c->frame_bytes - count;
    c->number_at = header + number;
    c->stamp_at = header + text + MARK_BYTES;
}

static void say_frame(byte opcode, const void *payload, size_t count) {
    byte header[8];
    say(header, put_header(header, opcode, count));
    say(payload, count);
}

#define SAY_TEXT(literal) say_frame(WS_TEXT, (literal), sizeof(literal) - 1)

static void say_upgrade(const char *path, const char *headers) {
    char request[4096];
    int count = snprintf(request, sizeof request,
                         "GET %s HTTP/1.1\r\nHost: %s:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bG9hZCBnZW5lcmF0b3IhIQ==\r\n%s\r\n",
                         path, plan.host, plan.port, headers);
    say(request, (size_t)count);
}

/* The server's answer to the handshake: its bytes, or 0 when not all there. */
static size_t take_upgrade(const byte *at, size_t have) {
    const byte *end = memmem(at, have, "\r\n\r\n", 4);
    if (!end) return 0;
    if (have < 12 || memcmp(at + 9, "101", 3)) die("no upgrade: %.*s", (int)(end - at), (const char *)at);
    return (size_t)(end - at) + 4;
}

/* One frame of the server's: those with the wanted opcode go to `taken`. */
static size_t take_frame(struct client *c, const byte *at, size_t have, byte opcode,
                         void (*taken)(struct client *, const byte *, size_t)) {
    if (have < 2) return 0;
    size_t header = at[1] < 126 ? 2 : at[1] == 126 ? 4 : 10;
    if (have < header) return 0;
    size_t count = at[1] < 126 ? at[1] : (size_t)at[2] << 8 | at[3];
    if (header == 10) count = (size_t)at[6] << 24 | (size_t)at[7] << 16 | (size_t)at[8] << 8 | at[9];
    if (have < header + count) return 0;
    const byte *payload = at + header;
    if (at[0] == (0x80 | opcode)) taken(c, payload, count);
    else if (at[0] == (0x80 | WS_PING)) say_frame(WS_PONG, payload, count);
    else if (at[0] == (0x80 | WS_CLOSE)) die("closed by the server: %d", count < 2 ? 0 : payload[0] << 8 | payload[1]);
    else die("a WebSocket frame beginning 0x%02x", at[0]);
    return header + count;
}

/* ---- hutong: WebSocket with MessagePack frames ---- */

static size_t put_string(byte *at, const char *text) {
    size_t count = strlen(text);
    at[0] = 0xd9; /* str 8 */
    at[1] = (byte)count;
    return 2 + put(at + 2, text, count);
}

static void put_uint64(byte *at, uint64_t value) {
    for (int i = 7; i >= 0; i--, value >>= 8) at[i] = (byte)value;
}

static void hutong_prepare_ack(struct client *c) {
    byte payload[512], *at = payload;
    at += PUT(at, "\x82\xa4type\xa3" "ack\xa4upto\x91\x92");
    at += put_string(at, c->conversation);
    at += PUT(at, "\xcf\0\0\0\0\0\0\0\0");
    c->ack = framed(WS_BINARY, payload, (size_t)(at - payload), &c->ack_bytes);
}

static void hutong_prepare(struct client *c) {
    byte payload[1024], *at = payload;
    hutong_prepare_ack(c);
    at += PUT(at, "\x84\xa4type\xa4send\xa6number\xcf");
    size_t number = (size_t)(at - payload);
    at += PUT(at, "\0\0\0\0\0\0\0\0\xac" "conversation");
    at += put_string(at, c->conversation);
    at += PUT(at, "\xa7" "content\x82\xa4kind\xa4text\xa4text\xd9");
    *at++ = TEXT;
    size_t text = (size_t)(at - payload);
    put_text(at);
    at += TEXT;
    prepare_frame(c, WS_BINARY, payload, (size_t)(at - payload), number, text);
}

static void hutong_greet(struct client *c) {
    char headers[2200];
    snprintf(headers, sizeof headers, "Sec-WebSocket-Protocol: hutong.v1.msgpack\r\nAuthorization: Bearer %s\r\n", c->token);
    say_upgrade("/ws", headers);
}

static size_t hutong_upgrade(struct client *c, const byte *at, size_t have) {
    size_t count = take_upgrade(at, have), length = strlen(c->resume);
    if (!count) return 0;
    byte hello[600], *end = hello;
    end += PUT(end, "\x83\xa4type\xa5hello\xa5token\xda");
    *end++ = (byte)(length >> 8), *end++ = (byte)length;
    end += put(end, c->resume, length);
    end += PUT(end, "\xa7" "cursors\x90");
    say_frame(WS_BINARY, hello, (size_t)(end - hello));
    c->stage = JOINING;
    return count;
}

static uint64_t read_uint(const byte *at) {
    static const byte widths[] = {1, 2, 4, 8};
    if (*at < 0x80) return *at;
    if (*at < 0xcc || *at > 0xcf) die("no unsigned integer: 0x%02x", *at);
    uint64_t value = 0;
    for (int i = 1; i <= widths[*at - 0xcc]; i++) value = value << 8 | at[i];
    return value;
}

static const byte *after_string(const byte *at) {
    if ((*at & 0xe0) == 0xa0) return at + 1 + (*at & 0x1f);
    if (*at == 0xd9) return at + 2 + at[1];
    die("no short string: 0x%02x", *at);
    return at;
}

static const byte *after_key(const byte *at, const char *key) {
    size_t count = strlen(key);
    if (*at != (0xa0 | count) || memcmp(at + 1, key, count)) die("a frame without %s where it belongs", key);
    return at + 1 + count;
}

enum { TYPE_AT = 7, AFTER_ACCEPTED = 15, AFTER_MESSAGE = 14, AFTER_SYNCED = 13 }; /* in a frame: \x8N \xa4 type \xaN m… */

static uint64_t message_sequence(const byte *frame) {
    const byte *at = after_string(after_key(frame + AFTER_MESSAGE, "corp"));
    return read_uint(after_key(after_string(after_key(at, "conversation")), "sequence"));
}

static void hutong_message(struct client *c, const byte *frame, size_t count) {
    if (c->stage != LIVE) return; /* what the world's making told it: not of this load */
    c->sequence = message_sequence(frame);
    c->unacknowledged++;
    was_delivered(frame, count);
}

/* A link is live when it is synced; the token brings it back to here. */
static void hutong_synced(struct client *c, const byte *frame) {
    const byte *at = after_key(frame + AFTER_SYNCED, "token"), *end = after_string(at);
    size_t length = *at == 0xd9 ? at[1] : *at & 0x1f;
    memcpy(c->resume, end - length, length);
    c->resume[length] = 0;
    if (c->stage != LIVE) became_live(c);
}

static void hutong_frame(struct client *c, const byte *frame, size_t count) {
    if (count < TYPE_AT + 2) die("a frame of %zu bytes", count);
    switch (frame[TYPE_AT]) {
    case 'm': hutong_message(c, frame, count); break;
    case 'a': was_accepted(c, read_uint(after_key(frame + AFTER_ACCEPTED, "number"))); break;
    case 'r': was_refused(c, frame, count); break;
    case 's': hutong_synced(c, frame); break;
    case 'w': break;
    default: die("not expected: %.*s", (int)count, (const char *)frame);
    }
}

static size_t hutong_take(struct client *c, const byte *at, size_t have) {
    return c->stage == UPGRADING ? hutong_upgrade(c, at, have) : take_frame(c, at, have, WS_BINARY, hutong_frame);
}

static void hutong_acknowledge(struct client *c) {
    put_uint64(c->ack + c->ack_bytes - 8, c->sequence);
    say(c->ack, c->ack_bytes);
    c->unacknowledged = 0;
}

static const struct codec hutong = {
    .prepare = hutong_prepare, .greet = hutong_greet, .take = hutong_take,
    .patch = put_uint64, .acknowledge = hutong_acknowledge,
};

/* ---- mqtt: MQTT 3.1.1, a topic a conversation; QoS 1 in, QoS 0 out ---- */

static size_t put_text16(byte *at, const char *text) {
    size_t count = strlen(text);
    at[0] = (byte)(count >> 8), at[1] = (byte)count;
    return 2 + put(at + 2, text, count);
}

/* A packet of one type around a body of less than 16 KiB, with the length always in two bytes. */
static byte *mqtt_packet(byte type, const byte *body, size_t count, size_t *bytes) {
    byte *packet = room(count + 3, 1);
    packet[0] = type, packet[1] = (byte)(0x80 | (count & 0x7f)), packet[2] = (byte)(count >> 7);
    memcpy(packet + 3, body, count);
    *bytes = count + 3;
    return packet;
}

static void mqtt_prepare(struct client *c) {
    byte body[1024], *at = body;
    at += put_text16(at, c->conversation);
    c->number_at = 3 + (size_t)(at - body);
    at += PUT(at, "\0\0");
    c->stamp_at = 3 + (size_t)(at - body) + MARK_BYTES;
    put_text(at);
    at += TEXT;
    c->frame = mqtt_packet(0x32, body, (size_t)(at - body), &c->frame_bytes);
}

static void mqtt_say(byte type, const byte *body, size_t count) {
    size_t bytes;
    byte *packet = mqtt_packet(type, body, count, &bytes);
    say(packet, bytes);
    free(packet);
}

static void mqtt_greet(struct client *c) {
    byte body[4096], *at = body;
    at += PUT(at, "\0\4MQTT\4\2\0\0"); /* clean session, no keep-alive */
    at += put_text16(at, c->token);
    mqtt_say(0x10, body, (size_t)(at - body));
}

static void mqtt_connected(struct client *c, const byte *body) {
    if (body[1]) die("no connection: %d", body[1]);
    c->stage = JOINING;
    if (!c->reads) {
        became_live(c);
        return;
    }
    byte topic[1024], *at = topic;
    at += PUT(at, "\0\1");
    at += put_text16(at, c->conversation);
    *at++ = 0;
    mqtt_say(0x82, topic, (size_t)(at - topic));
}

static size_t mqtt_take(struct client *c, const byte *at, size_t have) {
    size_t header = 1, count = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (header == have || have < 2) return 0;
        byte next = at[header++];
        count |= (size_t)(next & 0x7f) << shift;
        if (!(next & 0x80)) break;
    }
    if (have < header + count) return 0;
    const byte *body = at + header;
    switch (at[0] >> 4) {
    case 2: mqtt_connected(c, body); break;
    case 3: was_delivered(body, count); break;
    case 4: was_accepted(c, (uint64_t)body[0] << 8 | body[1]); break;
    case 9: became_live(c); break;
    default: die("an MQTT packet beginning 0x%02x", at[0]);
    }
    return header + count;
}

static void mqtt_patch(byte *number, uint64_t value) {
    number[0] = (byte)(value >> 8), number[1] = (byte)value;
}

static const struct codec mqtt = {
    .echoes = true, .prepare = mqtt_prepare, .greet = mqtt_greet, .take = mqtt_take, .patch = mqtt_patch,
};

/* ---- nats: lines of text, a subject a conversation ----
 *
 * A core server says +OK to each message that it has read: that is all it acknowledges, in order and without a number.
 * A stream (`jetstream`) answers to a subject of the sender's own, which ends in the number. */

enum { NATS_DIGITS = 10, NATS_ANSWERS = '2' }; /* the subscription under which a stream's answers come */

static void nats_prepare(struct client *c) {
    c->frame = room(512, 1);
    size_t at = (size_t)sprintf((char *)c->frame, "PUB %s %d\r\n", c->conversation, TEXT);
    c->stamp_at = at + MARK_BYTES;
    put_text(c->frame + at);
    c->frame_bytes = at + TEXT + PUT(c->frame + at + TEXT, "\r\n");
}

static void jetstream_prepare(struct client *c) {
    c->frame = room(1024, 1);
    size_t at = (size_t)sprintf((char *)c->frame, "PUB %s answer.%.64s.", c->conversation, c->token);
    c->number_at = at;
    at += (size_t)sprintf((char *)c->frame + at, "0000000000 %d\r\n", TEXT);
    c->stamp_at = at + MARK_BYTES;
    put_text(c->frame + at);
    c->frame_bytes = at + TEXT + PUT(c->frame + at + TEXT, "\r\n");
}

static void nats_join(struct client *c, const char *options) {
    char lines[1024];
    int count = sprintf(lines, "CONNECT {\"lang\":\"c\",\"echo\":false,%s}\r\nSUB answer.%.64s.* %c\r\n", options, c->token,
                        NATS_ANSWERS);
    if (c->reads) count += sprintf(lines + count, "SUB %s 1\r\n", c->conversation);
    count += sprintf(lines + count, "PING\r\n"); /* its PONG comes behind all of this */
    say(lines, (size_t)count);
}

static void nats_greet(struct client *c) { nats_join(c, "\"verbose\":true"); }

static void jetstream_greet(struct client *c) { nats_join(c, "\"verbose\":false"); }

/* MSG subject subscription [reply] bytes, then so many bytes and an end of line */
static size_t nats_message(struct client *c, const byte *at, const byte *end, size_t have) {
    const byte *subject_end = memchr(at + 4, ' ', (size_t)(end - at) - 4), *digits = end - 1;
    if (!subject_end) die("a message without a subscription");
    while (digits[-1] != ' ') digits--;
    size_t count = read_decimal(digits, end), line = (size_t)(end - at) + 1;
    if (have < line + count + 2) return 0;
    if (subject_end[1] != NATS_ANSWERS) was_delivered(at + line, count);
    else if (memmem(at + line, count, "\"error\"", 7)) was_refused(c, at + line, count);
    else was_accepted(c, read_decimal(subject_end - NATS_DIGITS, subject_end));
    return line + count + 2;
}

static size_t nats_take(struct client *c, const byte *at, size_t have) {
    const byte *end = memchr(at, '\n', have);
    if (!end) return 0;
    if (*at == 'M') return nats_message(c, at, end, have);
    if (*at == '+' && c->stage == LIVE) was_accepted(c, c->answered = after(c->answered));
    else if (*at == 'P' && at[1] == 'O') became_live(c);
    else if (*at == 'P') say("PONG\r\n", 6);
    else if (*at == '-') die("%.*s", (int)(end - at), (const char *)at);
    return (size_t)(end - at) + 1;
}

static void unnumbered(byte *number, uint64_t value) { (void)number, (void)value; }

static void nats_patch(byte *number, uint64_t value) { write_decimal(number, NATS_DIGITS, value); }

static const struct codec nats = {
    .prepare = nats_prepare, .greet = nats_greet, .take = nats_take, .patch = unnumbered,
};

static const struct codec jetstream = {
    .prepare = jetstream_prepare, .greet = jetstream_greet, .take = nats_take, .patch = nats_patch,
};

/* ---- socketio: WebSocket with text frames, a room a conversation; the server of benchmarks/socketio ---- */

enum { SOCKETIO_DIGITS = 10 };

static void socketio_prepare(struct client *c) {
    byte payload[256], *at = payload;
    at += PUT(at, "42");
    size_t number = (size_t)(at - payload);
    at += PUT(at, "0000000000[\"send\",\"");
    size_t text = (size_t)(at - payload);
    put_text(at);
    at += TEXT;
    at += PUT(at, "\"]");
    prepare_frame(c, WS_TEXT, payload, (size_t)(at - payload), number, text);
}

static void socketio_greet(struct client *c) {
    (void)c;
    say_upgrade("/socket.io/?EIO=4&transport=websocket", "");
}

static void socketio_join(struct client *c) {
    char join[256];
    say_frame(WS_TEXT, join, (size_t)sprintf(join, "420[\"join\",\"%s\"]", c->conversation));
}

/* The first digit is the transport's (0 open, 2 ping, 4 message), the second Socket.IO's (0 connected, 2 event, 3 answer) */
static void socketio_frame(struct client *c, const byte *frame, size_t count) {
    if (*frame == '0') SAY_TEXT("40");
    else if (*frame == '2') SAY_TEXT("3");
    else if (*frame != '4' || count < 2) die("not expected: %.*s", (int)count, (const char *)frame);
    else if (frame[1] == '0') socketio_join(c);
    else if (frame[1] == '2') was_delivered(frame, count);
    else if (frame[1] != '3') die("not expected: %.*s", (int)count, (const char *)frame);
    else if (c->stage == LIVE) was_accepted(c, read_decimal(frame + 2, frame + count));
    else became_live(c);
}

static size_t socketio_take(struct client *c, const byte *at, size_t have) {
    if (c->stage != UPGRADING) return take_frame(c, at, have, WS_TEXT, socketio_frame);
    size_t count = take_upgrade(at, have);
    if (count) c->stage = JOINING;
    return count;
}

static void socketio_patch(byte *number, uint64_t value) { write_decimal(number, SOCKETIO_DIGITS, value); }

static const struct codec socketio = {
    .prepare = socketio_prepare, .greet = socketio_greet, .take = socketio_take, .patch = socketio_patch,
};

/* ---- xmpp: WebSocket with text frames, a room a conversation; what comes back to the speaker is the acknowledgement ---- */

enum { XMPP_DIGITS = 10 };

#define XMPP_OPEN "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>"

static void xmpp_prepare(struct client *c) {
    byte payload[1024];
    size_t at = (size_t)sprintf((char *)payload, "<message to='%s@rooms.localhost' type='groupchat' id='", c->conversation);
    size_t number = at;
    at += PUT(payload + at, "0000000000'><body>");
    size_t text = at;
    put_text(payload + at);
    at += TEXT;
    at += PUT(payload + at, "</body></message>");
    prepare_frame(c, WS_TEXT, payload, at, number, text);
}

static void xmpp_greet(struct client *c) {
    (void)c;
    say_upgrade("/ws", "Sec-WebSocket-Protocol: xmpp\r\n");
}

static void xmpp_join(struct client *c) {
    char stanza[1024];
    say_frame(WS_TEXT, stanza, (size_t)sprintf(stanza,
              "<presence to='%s@rooms.localhost/%.64s'><x xmlns='http://jabber.org/protocol/muc'>"
              "<history maxstanzas='0'/></x></presence>", c->conversation, c->token));
}

static const byte *in_frame(const byte *frame, size_t count, const char *text) {
    return memmem(frame, count, text, strlen(text));
}

static void xmpp_opening(struct client *c, const byte *frame, size_t count) {
    if (in_frame(frame, count, "<mechanisms"))
        SAY_TEXT("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>");
    else if (in_frame(frame, count, "<success")) SAY_TEXT(XMPP_OPEN);
    else if (in_frame(frame, count, "features"))
        SAY_TEXT("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    else if (in_frame(frame, count, "id='bind'")) xmpp_join(c);
    else if (in_frame(frame, count, "<subject")) became_live(c);
    else if (in_frame(frame, count, "error") || in_frame(frame, count, "<failure"))
        die("not let in: %.*s", (int)count, (const char *)frame);
}

static bool xmpp_is_own(struct client *c, const byte *frame, size_t count) {
    const byte *from = in_frame(frame, count, "from='"), *end;
    if (!from || !(end = memchr(from + 6, '\'', count - (size_t)(from + 6 - frame)))) die("a message from nobody");
    size_t name = strlen(c->token);
    return end[-(ptrdiff_t)name - 1] == '/' && !memcmp(end - name, c->token, name);
}

static void xmpp_frame(struct client *c, const byte *frame, size_t count) {
    if (c->stage != LIVE) xmpp_opening(c, frame, count);
    else if (memcmp(frame, "<message", 8)) return; /* others come in: presence */
    else if (in_frame(frame, count, "type='error'")) was_refused(c, frame, count);
    else if (!in_frame(frame, count, "<body>")) return;
    else if (xmpp_is_own(c, frame, count)) was_accepted(c, read_decimal(in_frame(frame, count, " id='") + 5, frame + count));
    else was_delivered(frame, count);
}

static size_t xmpp_take(struct client *c, const byte *at, size_t have) {
    if (c->stage != UPGRADING) return take_frame(c, at, have, WS_TEXT, xmpp_frame);
    size_t count = take_upgrade(at, have);
    if (!count) return 0;
    SAY_TEXT(XMPP_OPEN);
    c->stage = JOINING;
    return count;
}

static void xmpp_patch(byte *number, uint64_t value) { write_decimal(number, XMPP_DIGITS, value); }

static const struct codec xmpp = {
    .prepare = xmpp_prepare, .greet = xmpp_greet, .take = xmpp_take, .patch = xmpp_patch,
};

static const struct { const char *name; const struct codec *codec; } codecs[] = {
    {"hutong", &hutong}, {"mqtt", &mqtt}, {"nats", &nats}, {"jetstream", &jetstream}, {"socketio", &socketio},
    {"xmpp", &xmpp},
};

/* ---- links ---- */

static void open_link(struct client *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plan.port)};
    if (inet_pton(AF_INET, plan.host, &to.sin_addr) != 1) die("no address: %s", plan.host);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) die("connect: %s", strerror(errno));
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
    c->stage = UPGRADING;
    codec->prepare(c);
    codec->greet(c);
    flush(c);
}

/* Stop at the baseline until its memory has been read. */
static void open_more(unsigned until) {
    while (opened < until && opened - live < OPENING_MAX) open_link(clients[opened++]);
}

static void cut(struct client *c) {
    close(c->fd);
    live -= c->stage == LIVE;
    c->stage = UNOPENED;
    c->rest_bytes = c->unsent_bytes = 0;
}

/* A link of a storm that was turned away comes back as a client would: after a while of its own. */
static void come_back_later(struct client *c) {
    cut(c);
    c->retry_us = now_us + (uint64_t)(drand48() * RETRY_US);
}

static void come_back(void) {
    for (unsigned i = 0; i < client_count; i++) {
        if (!clients[i]->retry_us || clients[i]->retry_us > now_us) continue;
        clients[i]->retry_us = 0;
        open_link(clients[i]);
    }
}

static void stall(void) {
    for (unsigned i = client_count; i-- && plan.stalled;) {
        struct client *c = clients[i];
        if (c->sends || !c->reads) continue;
        watch(c, EPOLL_CTL_MOD, 0);
        c->stalled = true;
        readers[c->group]--;
        plan.stalled--;
    }
}

static void send_freely(struct client *c) {
    while (c->sends && c->outstanding < plan.window) send_one(c, now_us);
}

/* Take what arrived on one link, then let it say all it has to say in one write. */
static void on_readable(struct client *c) {
    memcpy(in, c->rest, c->rest_bytes);
    ssize_t got = recv(c->fd, in + c->rest_bytes, BUFFER - c->rest_bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0 && phase == STORMING && c->stage != LIVE) {
        come_back_later(c);
        return;
    }
    if (got <= 0) die("the server hung up: %s", got ? strerror(errno) : "end of stream");
    size_t have = c->rest_bytes + (size_t)got, done = 0, step;
    now_us = clock_us();
    while (done < have && (step = codec->take(c, in + done, have - done))) done += step;
    c->rest_bytes = have - done;
    if (c->rest_bytes > 65536) die("a frame of more than 64 KiB");
    if (c->rest_bytes && !c->rest) c->rest = room(65536, 1);
    if (c->rest_bytes) memcpy(c->rest, in + done, c->rest_bytes);
    if (!plan.rate && (phase == WARMING || phase == MEASURING)) send_freely(c);
    flush(c);
}

/* ---- what the server and the generator cost ---- */

static double server_cpu_s(void) {
    clockid_t id;
    struct timespec t;
    if (!plan.server || clock_getcpuclockid(plan.server, &id) || clock_gettime(id, &t)) return 0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double own_cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds that a process's first thread was ready to run while something else had its core. */
static double waited_s(int pid) {
    char path[64];
    unsigned long long ran, waited = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
    FILE *file = pid ? fopen(path, "r") : NULL;
    if (!file) return 0;
    if (fscanf(file, "%llu %llu", &ran, &waited) != 2) waited = 0;
    fclose(file);
    return (double)waited / 1e9;
}

static long server_rss_kib(void) {
    char path[64];
    long whole, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", plan.server);
    FILE *file = plan.server ? fopen(path, "r") : NULL;
    if (!file) return 0;
    if (fscanf(file, "%ld %ld", &whole, &resident) != 2) resident = 0;
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ---- phases ---- */

static uint64_t phase_us, start_us, end_us, storm_us, ack_slice_us;
static double arrival_us;
static struct costs { double server_cpu_s, own_cpu_s, server_waited_s, own_waited_s; } cost_start, cost_end;
static long rss_baseline, rss_ready, rss_end;

static void enter(enum phase next) {
    phase = next;
    phase_us = progress_us = now_us;
}

static void start_storm(void) {
    enter(STORMING);
    for (unsigned i = 0; i < client_count; i++) cut(clients[i]);
    for (unsigned i = 0; i < client_count; i++) open_link(clients[i]);
}

static void storm(void) {
    come_back();
    if (live == client_count) {
        storm_us = now_us - phase_us;
        enter(DONE);
    }
    if (now_us - phase_us > OPEN_MS * 1000ull) die("%u of %u links came back", live, client_count);
}

static void start_sending(void) {
    enter(WARMING);
    stall();
    arrival_us = (double)now_us;
    for (unsigned i = 0; !plan.rate && i < sender_count; i++) {
        send_freely(senders[i]);
        flush(senders[i]);
    }
}

static void read_costs(struct costs *costs) {
    *costs = (struct costs){server_cpu_s(), own_cpu_s(), waited_s(plan.server), waited_s(getpid())};
}

static void start_measuring(void) {
    enter(MEASURING);
    start_us = now_us, at_start = total;
    read_costs(&cost_start);
}

static void stop_measuring(void) {
    end_us = now_us, at_end = total, rss_end = server_rss_kib();
    read_costs(&cost_end);
    enter(DRAINING);
}

static void open_all(void) {
    bool at_baseline = live == plan.baseline && opened == plan.baseline;
    if (at_baseline && !rss_baseline && now_us - progress_us >= plan.settle_ms * 1000ull) rss_baseline = server_rss_kib();
    open_more(opened < plan.baseline || (plan.baseline && !rss_baseline) ? plan.baseline : client_count);
    if (live == client_count) enter(SETTLING);
    if (now_us - phase_us > OPEN_MS * 1000ull) die("%u of %u links opened", live, client_count);
}

static void settle(void) {
    rss_ready = server_rss_kib();
    if (plan.storm) start_storm();
    else if (plan.measured_ms) start_sending();
    else enter(DONE);
}

static bool drained(void) {
    return (!outstanding && total.delivered == expected) || now_us - progress_us > plan.drain_ms * 1000ull;
}

static void advance_phase(void) {
    uint64_t past_ms = (now_us - phase_us) / 1000;
    if (phase == OPENING) open_all();
    else if (phase == SETTLING && past_ms >= plan.settle_ms) settle();
    else if (phase == STORMING) storm();
    else if (phase == WARMING && past_ms >= plan.warm_ms) start_measuring();
    else if (phase == MEASURING && past_ms >= plan.measured_ms) stop_measuring();
    else if (phase == DRAINING && drained()) enter(DONE);
}

/* Draw arrivals as a Poisson process, each for the next sender in turn. */
static void send_arrivals(void) {
    static unsigned turn;
    while (plan.rate && (phase == WARMING || phase == MEASURING) && arrival_us <= (double)now_us) {
        struct client *c = senders[turn++ % sender_count];
        send_one(c, (uint64_t)arrival_us);
        flush(c);
        arrival_us -= log(1 - drand48()) * 1e6 / plan.rate;
    }
}

static void acknowledge_slice(void) {
    static unsigned slice;
    if (!codec->acknowledge || now_us - ack_slice_us < ACK_MS * 1000ull / ACK_SLICES) return;
    ack_slice_us = now_us;
    slice = (slice + 1) % ACK_SLICES;
    for (unsigned i = slice; i < client_count; i += ACK_SLICES) {
        if (!clients[i]->unacknowledged) continue;
        codec->acknowledge(clients[i]);
        flush(clients[i]);
    }
}

static struct timespec until_next(void) {
    double wait_us = 5000;
    if (plan.rate && (phase == WARMING || phase == MEASURING)) wait_us = fmax(0, fmin(wait_us, arrival_us - (double)clock_us()));
    return (struct timespec){.tv_nsec = (long)(wait_us * 1000)};
}

static void run(void) {
    struct epoll_event events[256];
    now_us = clock_us();
    enter(OPENING);
    while (phase != DONE) {
        struct timespec wait = until_next();
        int count = epoll_pwait2(poller, events, 256, &wait, NULL);
        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) flush_unsent(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(c);
        }
        now_us = clock_us();
        send_arrivals();
        acknowledge_slice();
        advance_phase();
    }
}

/* ---- plan in, figures out ---- */

static void read_client(FILE *file) {
    struct client *c = room(1, sizeof *c);
    int sends, reads;
    if (fscanf(file, "%2047s %191s %u %d %d", c->token, c->conversation, &c->group, &sends, &reads) != 5)
        die("a client's line cannot be read");
    c->sends = sends, c->reads = reads;
    if (c->sends) c->sent_us = room(RING, sizeof *c->sent_us);
    clients = realloc(clients, (client_count + 1) * sizeof *clients);
    clients[client_count++] = c;
    if (c->group >= group_count) group_count = c->group + 1;
}

static void read_word(FILE *file, const char *word) {
    const char *format = "%u";
    void *to = NULL;
    if (!strcmp(word, "protocol")) format = "%31s", to = plan.protocol;
    else if (!strcmp(word, "host")) format = "%63s", to = plan.host;
    else if (!strcmp(word, "rate")) format = "%lf", to = &plan.rate;
    else if (!strcmp(word, "port")) format = "%d", to = &plan.port;
    else if (!strcmp(word, "server")) format = "%d", to = &plan.server;
    else if (!strcmp(word, "window")) to = &plan.window;
    else if (!strcmp(word, "warm_ms")) to = &plan.warm_ms;
    else if (!strcmp(word, "measured_ms")) to = &plan.measured_ms;
    else if (!strcmp(word, "settle_ms")) to = &plan.settle_ms;
    else if (!strcmp(word, "drain_ms")) to = &plan.drain_ms;
    else if (!strcmp(word, "baseline")) to = &plan.baseline;
    else if (!strcmp(word, "sample")) to = &plan.sample;
    else if (!strcmp(word, "stalled")) to = &plan.stalled;
    else if (!strcmp(word, "storm")) to = &plan.storm;
    else die("the plan knows no %s", word);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (fscanf(file, format, to) != 1) die("the plan's %s cannot be read", word);
#pragma GCC diagnostic pop
}

static void read_plan(const char *path) {
    char word[32];
    FILE *file = fopen(path, "r");
    if (!file) die("%s: %s", path, strerror(errno));
    while (fscanf(file, "%31s", word) == 1) {
        if (!strcmp(word, "client")) read_client(file);
        else read_word(file, word);
    }
    fclose(file);
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
        if (!strcmp(plan.protocol, codecs[i].name)) codec = codecs[i].codec;
    if (!codec) die("no protocol %s", plan.protocol);
    if (plan.window >= RING - 2) die("a window of %u", plan.window);
}

static void count_roles(void) {
    readers = room(group_count, sizeof *readers);
    senders = room(client_count, sizeof *senders);
    for (unsigned i = 0; i < client_count; i++) {
        readers[clients[i]->group] += clients[i]->reads;
        if (clients[i]->sends) senders[sender_count++] = clients[i];
    }
    if (plan.measured_ms && !sender_count) die("nobody sends");
}

static void tell_latency(const char *name, const struct histogram *h) {
    printf("\"%s_us\": {\"count\": %lu, \"p50\": %lu, \"p99\": %lu, \"max\": %lu}, ", name, h->count,
           percentile(h, 0.50), percentile(h, 0.99), h->max);
}

static void tell(void) {
    printf("{\"seconds\": %.6f, \"messages\": %lu, \"deliveries\": %lu, ", (double)(end_us - start_us) / 1e6,
           at_end.accepted - at_start.accepted, at_end.delivered - at_start.delivered);
    tell_latency("ack", &ack_us);
    tell_latency("delivery", &delivery_us);
    printf("\"sent\": %lu, \"accepted\": %lu, \"refused\": %lu, \"expected\": %lu, \"delivered\": %lu, \"lost\": %ld, ",
           sent, total.accepted, total.refused, expected, total.delivered, (long)(expected - total.delivered));
    printf("\"unanswered\": %lu, \"server_cpu_s\": %.6f, \"generator_cpu_s\": %.6f, ", outstanding,
           cost_end.server_cpu_s - cost_start.server_cpu_s, cost_end.own_cpu_s - cost_start.own_cpu_s);
    printf("\"storm_ms\": %.3f, ", (double)storm_us / 1e3);
    printf("\"server_waited_s\": %.6f, \"generator_waited_s\": %.6f, ",
           cost_end.server_waited_s - cost_start.server_waited_s, cost_end.own_waited_s - cost_start.own_waited_s);
    printf("\"server_rss_kib\": {\"baseline\": %ld, \"ready\": %ld, \"end\": %ld}}\n", rss_baseline, rss_ready, rss_end);
}

int main(int count, char **arguments) {
    if (count != 2) die("usage: load PLAN");
    struct rlimit files = {65536, 65536};
    if (setrlimit(RLIMIT_NOFILE, &files)) getrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_TIMERSLACK, 1000);
    read_plan(arguments[1]);
    if (files.rlim_cur < client_count + 16) die("%u links need more open files than allowed", client_count);
    count_roles();
    poller = epoll_create1(EPOLL_CLOEXEC);
    run();
    tell();
    return 0;
}

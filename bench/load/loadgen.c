/*
 * loadgen: the clients and the echo server of the bench. One thread, epoll, no allocation while it runs.
 *
 *   loadgen echo    ADDRESS PORT                         answers everything with itself, until it is killed
 *   loadgen connect ADDRESS PORT SECONDS PARALLEL BYTES  connect, send, read the answer, close; again
 *   loadgen ask     ADDRESS PORT SECONDS PARALLEL BYTES  send, read the answer; again on the same connection
 *   loadgen pace    ADDRESS PORT SECONDS PARALLEL BYTES PER_SECOND
 *                                                        the same at a fixed rate; latency counts from when a request was due
 *   loadgen idle    ADDRESS PORT SECONDS CONNECTIONS     opens connections, one byte there and back on each, and holds them
 *
 * SOURCES=PREFIX:FIRST:LAST in the environment spreads connections over source addresses PREFIX.FIRST to PREFIX.LAST,
 * so that the client does not run out of ports. The result is one JSON object on standard output.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256
#define STEPS_PER_OCTAVE 64 /* of the latency histogram: 1.1 % wide */

static struct sockaddr_in target;
static char payload[1 << 16];

/* ---- time and latencies ---- */

static long long nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* octave o holds [2^o, 2^(o+1)) ns in equal steps */
static unsigned histogram[64 * STEPS_PER_OCTAVE];

static void record(long long took)
{
    if (took < 1)
        took = 1;
    int octave = 63 - __builtin_clzll(took);
    long long low = 1LL << octave;
    histogram[octave * STEPS_PER_OCTAVE + (int)((took - low) * STEPS_PER_OCTAVE / low)]++;
}

static double microseconds_at(double share, long total)
{
    long seen = 0, wanted = (long)(share * total);
    for (int i = 0; i < 64 * STEPS_PER_OCTAVE; i++) {
        seen += histogram[i];
        if (seen > wanted) {
            double low = (double)(1ULL << (i / STEPS_PER_OCTAVE));
            return low * (1 + (i % STEPS_PER_OCTAVE + 0.5) / STEPS_PER_OCTAVE) / 1000;
        }
    }
    return 0;
}

static void report(long done, long failed, double seconds)
{
    printf("{\"done\":%ld,\"failed\":%ld,\"perSecond\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f}\n",
           done, failed, done / seconds, microseconds_at(.5, done), microseconds_at(.9, done),
           microseconds_at(.99, done), microseconds_at(.999, done));
}

/* ---- sockets ---- */

static char prefix[32];
static int first_source, last_source, next_source;

static void read_sources(void)
{
    const char *text = getenv("SOURCES");
    if (text && sscanf(text, "%31[^:]:%d:%d", prefix, &first_source, &last_source) != 3) {
        fprintf(stderr, "loadgen: SOURCES is PREFIX:FIRST:LAST\n");
        exit(2);
    }
    next_source = first_source;
}

static int begin_connect(void)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (prefix[0]) {
        struct sockaddr_in from = {.sin_family = AF_INET};
        char text[64];
        snprintf(text, sizeof text, "%s.%d", prefix, next_source);
        next_source = next_source == last_source ? first_source : next_source + 1;
        inet_pton(AF_INET, text, &from.sin_addr);
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
            perror("loadgen: bind");
    }
    if (connect(fd, (struct sockaddr *)&target, sizeof target) != 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static void watch(int epoll, int operation, int fd, unsigned events, int tag)
{
    struct epoll_event e = {.events = events, .data.u32 = (unsigned)tag};
    epoll_ctl(epoll, operation, fd, &e);
}

/* ---- the echo server ---- */

static int echo(void)
{
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&target, sizeof target) != 0 || listen(listener, 8192) != 0) {
        perror("loadgen: listen");
        return 1;
    }
    watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, listener);
    struct epoll_event ready[BATCH];
    for (;;) {
        int n = epoll_wait(epoll, ready, BATCH, -1);
        for (int i = 0; i < n; i++) {
            int fd = (int)ready[i].data.u32;
            if (fd == listener) {
                int accepted;
                for (int k = 0; k < 64 && (accepted = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0; k++)
                    watch(epoll, EPOLL_CTL_ADD, accepted, EPOLLIN, accepted);
                continue;
            }
            ssize_t got = recv(fd, payload, sizeof payload, 0);
            if (got > 0)
                send(fd, payload, (size_t)got, MSG_NOSIGNAL);
            else if (got == 0 || errno != EAGAIN)
                close(fd);
        }
    }
}

/* ---- the clients ---- */

struct connection {
    int fd;
    int missing;     /* bytes of the answer still to come */
    int connecting;
    long long since; /* when the request was sent, or due, or the connect began */
};

static struct connection *all;
static int size;

static void ask(struct connection *c, long long since)
{
    c->missing = size;
    c->since = since;
    send(c->fd, payload, (size_t)size, MSG_NOSIGNAL);
}

/* 1: the whole answer is here; 0: not yet; -1: broken */
static int hear(struct connection *c)
{
    static char sink[sizeof payload];
    ssize_t got = recv(c->fd, sink, sizeof sink, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN ? 0 : -1;
    c->missing -= (int)got;
    return c->missing <= 0;
}

static int connect_again(double seconds, int parallel)
{
    int epoll = epoll_create1(0);
    long done = 0, failed = 0;
    long long start = nanoseconds(), end = start + (long long)(seconds * 1e9), now;
    for (int i = 0; i < parallel; i++) {
        all[i] = (struct connection){.fd = begin_connect(), .connecting = 1, .since = nanoseconds()};
        watch(epoll, EPOLL_CTL_ADD, all[i].fd, EPOLLOUT, i);
    }
    struct epoll_event ready[BATCH];
    while ((now = nanoseconds()) < end) {
        int n = epoll_wait(epoll, ready, BATCH, 100);
        for (int i = 0; i < n; i++) {
            int tag = (int)ready[i].data.u32;
            struct connection *c = &all[tag];
            int heard;
            if (c->connecting && !(ready[i].events & (EPOLLERR | EPOLLHUP))) {
                long long began = c->since;
                c->connecting = 0;
                ask(c, began);
                watch(epoll, EPOLL_CTL_MOD, c->fd, EPOLLIN, tag);
                continue;
            }
            heard = c->connecting ? -1 : hear(c);
            if (heard == 0)
                continue;
            if (heard > 0) {
                done++;
                record(nanoseconds() - c->since);
            } else {
                failed++;
            }
            close(c->fd);
            *c = (struct connection){.fd = begin_connect(), .connecting = 1, .since = nanoseconds()};
            if (c->fd < 0)
                failed++;
            else
                watch(epoll, EPOLL_CTL_ADD, c->fd, EPOLLOUT, tag);
        }
    }
    report(done, failed, (now - start) / 1e9);
    return 0;
}

static void open_and_prime(int count)
{
    for (int i = 0; i < count; i++) {
        all[i].fd = begin_connect();
        struct epoll_event e = {.events = EPOLLOUT};
        int own = epoll_create1(0);
        epoll_ctl(own, EPOLL_CTL_ADD, all[i].fd, &e);
        epoll_wait(own, &e, 1, 5000);
        ask(&all[i], 0);
        e.events = EPOLLIN;
        epoll_ctl(own, EPOLL_CTL_MOD, all[i].fd, &e);
        while (epoll_wait(own, &e, 1, 5000) == 1 && hear(&all[i]) == 0)
            ;
        close(own);
    }
}

static int ask_again(double seconds, int parallel, double per_second)
{
    int epoll = epoll_create1(0), idle = 0;
    int *free_ones = calloc((size_t)parallel, sizeof *free_ones);
    long done = 0, failed = 0;
    open_and_prime(parallel);
    long long start = nanoseconds(), end = start + (long long)(seconds * 1e9), now;
    double due = (double)start, gap = per_second > 0 ? 1e9 / per_second : 0;
    for (int i = 0; i < parallel; i++) {
        watch(epoll, EPOLL_CTL_ADD, all[i].fd, EPOLLIN, i);
        if (gap > 0)
            free_ones[idle++] = i;
        else
            ask(&all[i], nanoseconds());
    }
    struct epoll_event ready[BATCH];
    while ((now = nanoseconds()) < end) {
        struct timespec wait = {.tv_nsec = 50000000};
        if (gap > 0) {
            for (; idle > 0 && due <= (double)now; due += gap)
                ask(&all[free_ones[--idle]], (long long)due);
            long long left = (long long)due - nanoseconds();
            if (idle > 0 && left < wait.tv_nsec)
                wait.tv_nsec = left > 0 ? left : 0;
        }
        int n = epoll_pwait2(epoll, ready, BATCH, &wait, NULL);
        for (int i = 0; i < n; i++) {
            int tag = (int)ready[i].data.u32, heard = hear(&all[tag]);
            if (heard < 0) {
                failed++;
                epoll_ctl(epoll, EPOLL_CTL_DEL, all[tag].fd, NULL);
            } else if (heard > 0) {
                now = nanoseconds();
                record(now - all[tag].since);
                done++;
                if (gap > 0)
                    free_ones[idle++] = tag;
                else
                    ask(&all[tag], now);
            }
        }
    }
    report(done, failed, (now - start) / 1e9);
    return 0;
}

static int hold(double seconds, int count)
{
    size = 1;
    open_and_prime(count);
    int alive = 0;
    for (int i = 0; i < count; i++)
        alive += all[i].fd >= 0 && all[i].missing <= 0;
    printf("{\"established\":%d}\n", alive);
    fflush(stdout);
    sleep((unsigned)seconds); /* usleep ends after 71 minutes at most */
    return 0;
}

int main(int count, char **words)
{
    struct rlimit files;
    if (count < 4) {
        fprintf(stderr, "usage: loadgen echo|connect|ask|pace|idle ADDRESS PORT [SECONDS PARALLEL BYTES PER_SECOND]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    read_sources();
    memset(payload, 'x', sizeof payload);
    target.sin_family = AF_INET;
    inet_pton(AF_INET, words[2], &target.sin_addr);
    target.sin_port = htons((unsigned short)atoi(words[3]));
    if (strcmp(words[1], "echo") == 0)
        return echo();

    double seconds = count > 4 ? atof(words[4]) : 5;
    int parallel = count > 5 ? atoi(words[5]) : 1;
    size = count > 6 ? atoi(words[6]) : 100;
    all = calloc((size_t)parallel, sizeof *all);
    if (strcmp(words[1], "connect") == 0)
        return connect_again(seconds, parallel);
    if (strcmp(words[1], "ask") == 0)
        return ask_again(seconds, parallel, 0);
    if (strcmp(words[1], "pace") == 0)
        return ask_again(seconds, parallel, count > 7 ? atof(words[7]) : 10000);
    if (strcmp(words[1], "idle") == 0)
        return hold(seconds, parallel);
    fprintf(stderr, "loadgen: %s?\n", words[1]);
    return 2;
}

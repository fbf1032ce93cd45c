/*
 * paced: HTTP requests at fixed moments, and how long each took from the moment at which it was due. One thread, epoll.
 *
 *   paced http|https ADDRESS PORT NAME SECONDS PER_SECOND CONNECTIONS
 *
 * CONNECTIONS 0: a new one for each request, with a whole handshake. Else that many stay open, and a request that finds
 * none free waits, which counts. Half a second at the same rate goes before and counts for nothing: a server may be at
 * work on handshakes that its clients take for done. The result is one JSON object on standard output, in microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256
#define MOST_AT_ONCE 4000 /* connections, where each request has its own */
#define PATIENCE 5        /* seconds, for the last answers */
#define LEAD 0.5          /* seconds before anything counts */

enum state { FREE, OPENING, SENDING, READING };

struct connection {
    int fd;
    SSL *tls;
    enum state state;
    long long due; /* of the request under way; 0: none */
    int have;
    char answer[8192];
};

static struct sockaddr_in target;
static const char *name;
static SSL_CTX *context; /* NULL: in clear */
static int closes, poll_fd;
static char request[512];
static int request_length;

static struct connection **free_ones;
static int free_count;
static long long start, first_counted, first_waiting, next_due, total;
static double per_second;
static double *took;
static long long ended, done; /* the latter: well, and of those that count */

static long long nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long moment(long long number)
{
    return start + (long long)(number * 1e9 / per_second);
}

static void step(struct connection *c);

static void open_one(struct connection *c)
{
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connect(c->fd, (struct sockaddr *)&target, sizeof target);
    if (context) {
        c->tls = SSL_new(context);
        SSL_set_fd(c->tls, c->fd);
        SSL_set_connect_state(c->tls);
        SSL_set_tlsext_host_name(c->tls, name);
    }
    c->state = OPENING;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

static void close_one(struct connection *c)
{
    /* with a reset: a client that waits in TIME_WAIT would run out of ports */
    struct linger now = {1, 0};
    SSL_free(c->tls);
    c->tls = NULL;
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(c->fd);
    c->fd = -1;
}

static void ask(struct connection *c, long long due)
{
    c->due = due;
    c->have = 0;
    if (c->fd < 0) {
        open_one(c);
    } else {
        c->state = SENDING;
        step(c);
    }
}

/* what is due goes to whoever is free */
static void serve(void)
{
    while (first_waiting < next_due && free_count > 0)
        ask(free_ones[--free_count], moment(first_waiting++));
}

static void finish(struct connection *c, int well)
{
    if (c->due) {
        ended++;
        if (c->due >= first_counted && well)
            took[done++] = (nanoseconds() - c->due) / 1e3;
    }
    c->due = 0;
    if (closes || !well)
        close_one(c);
    c->state = FREE;
    free_ones[free_count++] = c;
}

/* 1: done, 0: not yet, -1: broken */
static int outcome(struct connection *c, int result)
{
    if (result > 0)
        return 1;
    if (!context)
        return result < 0 && errno == EAGAIN ? 0 : -1;
    int error = SSL_get_error(c->tls, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int opened(struct connection *c)
{
    if (context)
        return outcome(c, SSL_do_handshake(c->tls));
    struct tcp_info info;
    socklen_t length = sizeof info;
    getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &length);
    return info.tcpi_state == TCP_ESTABLISHED ? 1 : info.tcpi_state == TCP_SYN_SENT ? 0 : -1;
}

/* whether the answer is whole: a head, and as much body as it says */
static int is_whole(struct connection *c)
{
    char *end = strstr(c->answer, "\r\n\r\n");
    char *length = end ? strcasestr(c->answer, "\r\ncontent-length:") : NULL;
    return end && c->have >= end + 4 - c->answer + (length && length < end ? atol(length + 17) : 0);
}

static void step(struct connection *c)
{
    int how;
    if (c->state == OPENING) {
        if ((how = opened(c)) <= 0) {
            if (how < 0)
                finish(c, 0);
            return;
        }
        if (!c->due) {
            finish(c, 1);
            return;
        }
        c->state = SENDING;
    }
    if (c->state == SENDING) {
        how = outcome(c, context ? SSL_write(c->tls, request, request_length) : (int)send(c->fd, request, (size_t)request_length, 0));
        if (how < 0)
            finish(c, 0);
        if (how <= 0)
            return;
        c->state = READING;
    }
    while (c->state == READING) {
        int room = (int)sizeof c->answer - 1 - c->have;
        int got = context ? SSL_read(c->tls, c->answer + c->have, room) : (int)recv(c->fd, c->answer + c->have, (size_t)room, 0);
        how = outcome(c, got);
        if (how < 0)
            finish(c, 0);
        if (how <= 0)
            return;
        c->have += got;
        c->answer[c->have] = 0;
        if (is_whole(c))
            finish(c, strncmp(c->answer, "HTTP/1.1 200", 12) == 0);
        else if (c->have == (int)sizeof c->answer - 1)
            finish(c, 0);
    }
}

static int by_size(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double at(double share)
{
    return done ? took[(long long)((done - 1) * share)] : 0;
}

static void wait_for_news(void)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(poll_fd, events, BATCH, 100);
    for (int i = 0; i < count; i++) {
        struct connection *c = events[i].data.ptr;
        if (c && c->state != FREE)
            step(c);
    }
}

int main(int count, char **words)
{
    if (count < 8) {
        fprintf(stderr, "usage: paced http|https ADDRESS PORT NAME SECONDS PER_SECOND CONNECTIONS\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    target.sin_family = AF_INET;
    inet_pton(AF_INET, words[2], &target.sin_addr);
    target.sin_port = htons((unsigned short)atoi(words[3]));
    name = words[4];
    double seconds = atof(words[5]);
    per_second = atof(words[6]);
    int connections = atoi(words[7]);
    closes = connections == 0;
    if (closes)
        connections = MOST_AT_ONCE;
    if (strcmp(words[1], "https") == 0) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    }
    request_length = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n%s\r\n", name, closes ? "Connection: close\r\n" : "");

    long long lead = (long long)(LEAD * per_second);
    total = lead + (long long)(seconds * per_second);
    took = calloc((size_t)total + 1, sizeof *took);
    free_ones = calloc((size_t)connections, sizeof *free_ones);
    struct connection *all = calloc((size_t)connections, sizeof *all);
    poll_fd = epoll_create1(0);
    for (int i = 0; i < connections; i++) {
        all[i].fd = -1;
        if (closes)
            free_ones[free_count++] = &all[i];
        else
            open_one(&all[i]);
    }
    for (long long limit = nanoseconds() + PATIENCE * 1000000000LL; free_count < connections && nanoseconds() < limit;)
        wait_for_news();

    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer, &event);
    start = nanoseconds() + 1000000;
    first_counted = moment(lead);
    while (ended < total && nanoseconds() < moment(total) + PATIENCE * 1000000000LL) {
        for (long long now = nanoseconds(); next_due < total && moment(next_due) <= now;)
            next_due++;
        serve();
        if (next_due < total) {
            long long then = moment(next_due);
            struct itimerspec when = {{0, 0}, {then / 1000000000LL, then % 1000000000LL}};
            timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
        }
        wait_for_news();
    }

    qsort(took, (size_t)done, sizeof *took, by_size);
    printf("{\"ended\": %lld, \"done\": %lld, \"failed\": %lld, \"perSecond\": %.1f, \"p50\": %.0f, \"p99\": %.0f, \"p999\": %.0f, \"most\": %.0f}\n",
        ended, done, total - lead - done, done / seconds, at(0.5), at(0.99), at(0.999), at(1));
    return 0;
}

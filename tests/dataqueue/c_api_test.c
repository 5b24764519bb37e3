/* The C API from C89: every call, its errors, threads that share handles, and a child that goes on with them. */
/* NOLINTBEGIN(cppcoreguidelines-init-variables): C89 declares first; each call sets what it returns */
#define _POSIX_C_SOURCE 200809L /* NOLINT(bugprone-reserved-identifier): what POSIX calls it */

#include "usher/usher.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usher/ibmi.h"

static void require(int holds, const char* what, int line) {
  if (holds) return;
  fprintf(stderr, "line %d: %s (%s)\n", line, what, usher_error_text());
  exit(1);
}
#define REQUIRE(condition) require(condition, #condition, __LINE__)

static char directory[] = "/tmp/usher-c-api-XXXXXX";
static char path[64];
static usher_library* library;

static usher_queue* make(const char* name, int sequence, unsigned key_length) {
  usher_attributes attributes;
  usher_queue* queue;
  usher_attributes_default(&attributes);
  attributes.sequence = sequence;
  attributes.key_length = key_length;
  attributes.sender_id = 1;
  attributes.text = "made in C";
  REQUIRE(usher_queue_create(library, name, &attributes, &queue) == USHER_OK);
  return queue;
}

static int holds(const usher_entry* entry, const char* data) {
  return usher_entry_size(entry) == strlen(data) && memcmp(usher_entry_data(entry), data, strlen(data)) == 0;
}

static int next_is(usher_queue* queue, const usher_selection* which, const char* data) {
  usher_entry* entry;
  int good = usher_receive(queue, which, 0, USHER_WHOLE_ENTRY, &entry) == USHER_OK && holds(entry, data);
  usher_entry_free(entry);
  return good;
}

static void test_fifo(void) {
  usher_queue* queue = make("FIFO", USHER_FIFO, 0);
  usher_entry* entry;
  usher_description description;
  uint64_t removed;
  REQUIRE(usher_receive(queue, NULL, 0.001, USHER_WHOLE_ENTRY, &entry) == USHER_NOTHING && entry == NULL);
  REQUIRE(usher_send(queue, "one", 3, NULL, 0) == USHER_OK);
  REQUIRE(usher_send(queue, NULL, 0, NULL, 0) == USHER_OK);
  REQUIRE(usher_describe(queue, &description) == USHER_OK);
  REQUIRE(description.entries == 2 && description.bytes == 3 && description.sender_id == 1);
  REQUIRE(strcmp(description.name, "FIFO") == 0 && strcmp(description.text, "made in C") == 0);
  REQUIRE(usher_peek(queue, NULL, 0, 2, &entry) == USHER_OK && holds(entry, "on"));
  REQUIRE(usher_entry_length(entry) == 3 && usher_entry_key_length(entry) == 0 && usher_entry_deliveries(entry) == 0);
  REQUIRE(usher_entry_enqueued_us(entry) == description.oldest_us && usher_entry_number(entry) > 0);
  REQUIRE(strchr(usher_entry_sender_job(entry), '/') != NULL && usher_entry_sender_user(entry) != NULL);
  usher_entry_free(entry);
  REQUIRE(next_is(queue, NULL, "one") && next_is(queue, NULL, ""));
  REQUIRE(usher_send(queue, "x", 1, NULL, 0) == USHER_OK);
  REQUIRE(usher_clear(queue, NULL, &removed) == USHER_OK && removed == 1);
  usher_queue_close(queue);
}

static void test_keys(void) {
  usher_queue* queue = make("KEYED", USHER_KEYED, 3);
  usher_selection which;
  which.order = USHER_LE;
  which.key = "WWW";
  which.key_length = 3;
  REQUIRE(usher_send(queue, "g", 1, "GGG", 3) == USHER_OK);
  REQUIRE(usher_send(queue, "w", 1, "WWW", USHER_TEXT_KEY) == USHER_OK);
  REQUIRE(usher_send(queue, "a", 1, "A", USHER_TEXT_KEY) == USHER_OK);
  REQUIRE(next_is(queue, &which, "a") && next_is(queue, &which, "g") && next_is(queue, &which, "w"));
  REQUIRE(usher_send(queue, "x", 1, NULL, 0) == USHER_KEY_REQUIRED);
  REQUIRE(strstr(usher_error_text(), "CPF9501") != NULL);
  REQUIRE(usher_send(queue, "x", 1, "GG", 2) == USHER_KEY_LENGTH);
  which.order = 6;
  REQUIRE(usher_clear(queue, &which, NULL) == USHER_INVALID_ARGUMENT);
  usher_queue_close(queue);
}

static void test_errors(void) {
  usher_library* other;
  usher_queue* queue;
  usher_attributes attributes;
  REQUIRE(usher_library_open("/nowhere/x.db", 0, 0, &other) == USHER_LIBRARY_NOT_FOUND && other == NULL);
  REQUIRE(usher_queue_open(library, "NONE", &queue) == USHER_QUEUE_NOT_FOUND && queue == NULL);
  REQUIRE(usher_queue_open(library, NULL, &queue) == USHER_INVALID_ARGUMENT);
  REQUIRE(usher_send(NULL, "x", 1, NULL, 0) == USHER_INVALID_ARGUMENT);
  usher_attributes_default(&attributes);
  attributes.max_length = 2;
  attributes.max_entries = 1;
  REQUIRE(usher_queue_create(library, "SMALL", &attributes, &queue) == USHER_OK);
  REQUIRE(usher_queue_create(library, "SMALL", NULL, NULL) == USHER_ALREADY_EXISTS);
  REQUIRE(usher_send(queue, "xyz", 3, NULL, 0) == USHER_TOO_LONG);
  REQUIRE(usher_send(queue, NULL, 1, NULL, 0) == USHER_INVALID_ARGUMENT);
  REQUIRE(usher_send(queue, "x", 1, "k", 1) == USHER_NOT_KEYED);
  REQUIRE(usher_send(queue, "x", 1, NULL, 0) == USHER_OK);
  REQUIRE(usher_send(queue, "x", 1, NULL, 0) == USHER_QUEUE_FULL);
  REQUIRE(usher_queue_delete(library, "SMALL") == USHER_OK);
  REQUIRE(usher_send(queue, "x", 1, NULL, 0) == USHER_QUEUE_NOT_FOUND);
  REQUIRE(strcmp(usher_error_name(USHER_QUEUE_NOT_FOUND), "queue_not_found") == 0);
  REQUIRE(strcmp(usher_error_name(USHER_IO), "io") == 0 && strcmp(usher_error_name(USHER_NOTHING), "nothing") == 0);
  usher_queue_close(queue);
  usher_queue_close(NULL);
}

static void test_batch_and_list(void) {
  usher_queue* queue = make("BATCH", USHER_LIFO, 0);
  usher_outgoing out[3];
  usher_entry* in[3];
  size_t count;
  size_t i;
  memset(out, 0, sizeof out);
  for (i = 0; i < 3; ++i) {
    out[i].data = &"abc"[i];
    out[i].length = 1;
  }
  REQUIRE(usher_send_batch(queue, out, 3) == USHER_OK);
  REQUIRE(usher_list(queue, NULL, 1, 2, USHER_WHOLE_ENTRY, in, &count) == USHER_OK && count == 2 && holds(in[0], "a"));
  for (i = 0; i < count; ++i) usher_entry_free(in[i]);
  REQUIRE(usher_receive_batch(queue, NULL, 3, 0, USHER_WHOLE_ENTRY, in, &count) == USHER_OK && count == 3);
  REQUIRE(holds(in[0], "c") && holds(in[2], "a"));
  for (i = 0; i < count; ++i) usher_entry_free(in[i]);
  REQUIRE(usher_receive_batch(queue, NULL, 3, 0, USHER_WHOLE_ENTRY, in, &count) == USHER_NOTHING && count == 0);
  usher_queue_close(queue);
}

static void test_lease_and_transaction(void) {
  usher_queue* queue = make("LEASE", USHER_FIFO, 0);
  usher_lease* lease;
  usher_transaction* transaction;
  usher_entry* entry;
  REQUIRE(usher_lease_next(queue, NULL, 0, &lease) == USHER_NOTHING && lease == NULL);
  REQUIRE(usher_send(queue, "work", 4, NULL, 0) == USHER_OK);
  REQUIRE(usher_lease_next(queue, NULL, 0, &lease) == USHER_OK && holds(usher_lease_entry(lease), "work"));
  REQUIRE(usher_lease_number(lease) != 0 && usher_lease_release(lease) == USHER_OK);
  REQUIRE(usher_lease_complete(lease) == USHER_LEASE_LOST);
  usher_lease_free(lease);
  REQUIRE(usher_lease_next(queue, NULL, 0, &lease) == USHER_OK);
  REQUIRE(usher_entry_deliveries(usher_lease_entry(lease)) == 2);
  REQUIRE(usher_transaction_begin(library, &transaction) == USHER_OK);
  REQUIRE(usher_transaction_complete(transaction, lease) == USHER_OK);
  REQUIRE(usher_transaction_send(transaction, queue, "done", 4, NULL, 0) == USHER_OK);
  REQUIRE(usher_transaction_commit(transaction) == USHER_OK);
  usher_transaction_free(transaction);
  usher_lease_free(lease);
  REQUIRE(usher_transaction_begin(library, &transaction) == USHER_OK);
  REQUIRE(usher_transaction_receive(transaction, queue, NULL, USHER_WHOLE_ENTRY, &entry) == USHER_OK);
  usher_entry_free(entry);
  usher_transaction_free(transaction);
  REQUIRE(next_is(queue, NULL, "done"));
  usher_queue_close(queue);
}

static void test_watch(void) {
  usher_queue* queue = make("WATCH", USHER_FIFO, 0);
  usher_watch* watch;
  usher_entry* entry;
  struct pollfd readable;
  REQUIRE(usher_watch_make(queue, NULL, &watch) == USHER_OK && usher_watch_arm(watch) == USHER_OK);
  REQUIRE(usher_watch_receive(watch, USHER_WHOLE_ENTRY, &entry) == USHER_NOTHING);
  REQUIRE(usher_send(queue, "x", 1, NULL, 0) == USHER_OK);
  readable.fd = usher_watch_fd(watch);
  readable.events = POLLIN;
  REQUIRE(poll(&readable, 1, 20000) == 1);
  REQUIRE(usher_watch_receive(watch, USHER_WHOLE_ENTRY, &entry) == USHER_OK && holds(entry, "x"));
  REQUIRE(usher_watch_disarm(watch) == USHER_OK);
  usher_entry_free(entry);
  usher_watch_free(watch);
  usher_queue_close(queue);
}

enum { kThreads = 4, kEach = 200 };

static void* send_some(void* queue) {
  int i;
  for (i = 0; i < kEach; ++i) REQUIRE(usher_send(queue, "x", 1, NULL, 0) == USHER_OK);
  return NULL;
}

static void* receive_some(void* queue) {
  usher_entry* entry;
  int i;
  for (i = 0; i < kEach; ++i) {
    REQUIRE(usher_receive(queue, NULL, USHER_FOR_EVER, USHER_WHOLE_ENTRY, &entry) == USHER_OK);
    usher_entry_free(entry);
  }
  return NULL;
}

static void test_threads(void) {
  usher_queue* queue = make("THREADS", USHER_FIFO, 0);
  pthread_t threads[2 * kThreads];
  usher_description description;
  int i;
  for (i = 0; i < 2 * kThreads; ++i) pthread_create(&threads[i], NULL, i % 2 == 0 ? send_some : receive_some, queue);
  for (i = 0; i < 2 * kThreads; ++i) pthread_join(threads[i], NULL);
  REQUIRE(usher_describe(queue, &description) == USHER_OK && description.entries == 0);
  usher_queue_close(queue);
}

static void test_fork(void) {
  usher_queue* queue = make("FORK", USHER_FIFO, 0);
  int status = -1;
  pid_t child;
  REQUIRE(usher_send(queue, "to the child", 12, NULL, 0) == USHER_OK);
  child = fork();
  if (child == 0) {
    if (!next_is(queue, NULL, "to the child") || usher_send(queue, "back", 4, NULL, 0) != USHER_OK) _exit(1);
    _exit(0);
  }
  REQUIRE(waitpid(child, &status, 0) == child && status == 0);
  REQUIRE(next_is(queue, NULL, "back"));
  usher_queue_close(queue);
}

static void test_ibmi(void) {
  char data[16] = "";
  char key[2];
  int length = -1;
  ibmi_sender sender;
  ibmi_error_code error;
  ibmi_rdqd0100 description;
  memset(&error, 0, sizeof error);
  error.bytes_provided = sizeof error;
  usher_queue_close(make("ORDERS", USHER_KEYED, 2));
  setenv("USHER_LIBRARIES", directory, 1);
  setenv("USHER_LIBRARY", path, 1);
  REQUIRE(sizeof(ibmi_sender) == 44 && sizeof(ibmi_rdqd0100) == 108 && sizeof error == 16);
  REQUIRE(QSNDDTAQ("ORDERS    ", "WORK      ", 4, "eggs", 2, "05", NULL, NULL) == USHER_OK);
  REQUIRE(QSNDDTAQ("ORDERS", "*LIBL", 4, "milk", 2, "03", NULL, NULL) == USHER_OK);
  REQUIRE(QMHQRDQD(&description, sizeof description, "RDQD0100", "ORDERS    WORK      ") == USHER_OK);
  REQUIRE(description.number_of_messages == 2 && description.key_length == 2 && description.sequence == 'K');
  REQUIRE(description.bytes_returned == 108 && description.message_length == 64512);
  REQUIRE(memcmp(description.queue_name, "ORDERS    WORK      ", 20) == 0);
  REQUIRE(memcmp(description.text, "made in C   ", 12) == 0 && description.maximum_entries == -1);

  memcpy(key, "00", 2);
  REQUIRE(QRCVDTAQ("ORDERS", "WORK", &length, data, 0, "GE", 2, key, sizeof sender, &sender, "*NO", IBMI_WHOLE_ENTRY,
                   &error) == USHER_OK);
  REQUIRE(length == 4 && memcmp(data, "milk", 4) == 0 && memcmp(key, "03", 2) == 0 && error.bytes_available == 0);
  REQUIRE(sender.bytes_available == 44 && memcmp(sender.job_name, "c_api_test", 10) == 0);
  memcpy(key, "00", 2);
  REQUIRE(QRCVDTAQ("ORDERS", "WORK", &length, data, 0, "GE", 2, key, 0, NULL, "*YES", 2, &error) == USHER_OK);
  REQUIRE(length == 4);
  REQUIRE(QCLRDTAQ("ORDERS", "WORK", "EQ", 2, "05", &error) == USHER_OK);
  REQUIRE(QRCVDTAQ("ORDERS", "WORK", &length, data, 0, "GE", 2, key, 0, NULL, NULL, IBMI_WHOLE_ENTRY, &error) ==
          USHER_OK);
  REQUIRE(length == 0);

  REQUIRE(QRCVDTAQ("ORDERS", "WORK", &length, data, 0, NULL, 0, NULL, 0, NULL, NULL, -1, &error) == USHER_KEY_REQUIRED);
  REQUIRE(memcmp(error.exception_id, "CPF9501", 7) == 0 && error.bytes_available == 16);
  REQUIRE(QCLRDTAQ("NONE", "WORK", NULL, 0, NULL, &error) == USHER_QUEUE_NOT_FOUND);
  REQUIRE(memcmp(error.exception_id, "CPF9801", 7) == 0);
  REQUIRE(QSNDDTAQ("ORDERS", "NONE", 1, "x", 0, NULL, NULL, NULL) == USHER_LIBRARY_NOT_FOUND);
  REQUIRE(QMHQRDQD(&description, 8, "RDQD0200", "ORDERS    WORK      ") == USHER_INVALID_ARGUMENT);
}

static void test_packed(void) {
  static const unsigned char k12345[] = {0x12, 0x34, 0x5F};
  unsigned char packed[3];
  long value = 0;
  REQUIRE(usher_unpack(k12345, 3, &value) == 0 && value == 12345);
  REQUIRE(usher_pack(-7, packed, 3) == 0 && packed[0] == 0 && packed[1] == 0 && packed[2] == 0x7D);
  REQUIRE(usher_unpack(packed, 3, &value) == 0 && value == -7);
  REQUIRE(usher_pack(99999, packed, 3) == 0 && usher_unpack(packed, 3, &value) == 0 && value == 99999);
  REQUIRE(usher_pack(100000, packed, 3) == -1);
  REQUIRE(usher_unpack("\x1A\x2F", 2, &value) == -1 && usher_unpack("\x11\x22", 2, &value) == -1);
}

int main(void) {
  char command[128];
  REQUIRE(mkdtemp(directory) != NULL);
  sprintf(path, "%s/work.db", directory);
  REQUIRE(usher_library_open(path, USHER_CREATE, 0600, &library) == USHER_OK);
  test_fifo();
  test_keys();
  test_errors();
  test_batch_and_list();
  test_lease_and_transaction();
  test_watch();
  test_threads();
  test_fork();
  test_ibmi();
  test_packed();
  usher_library_close(library);
  sprintf(command, "rm -r %s", directory);
  return system(command) == 0 ? 0 : 1;
}
/* NOLINTEND(cppcoreguidelines-init-variables) */

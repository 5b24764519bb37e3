/* Data queues for C: named queues of byte entries in a file, shared by any processes of one machine. No server.
 *
 *   usher_library *work;
 *   usher_queue *orders;
 *   usher_entry *entry;
 *   if (usher_library_open("work.db", USHER_CREATE, 0666, &work) != USHER_OK) fail(usher_error_text());
 *   usher_queue_open(work, "ORDERS", &orders);
 *   usher_send(orders, "six eggs", 8, NULL, 0);
 *   while (usher_receive(orders, NULL, USHER_FOR_EVER, USHER_WHOLE_ENTRY, &entry) == USHER_OK) {
 *     serve(usher_entry_data(entry), usher_entry_size(entry));
 *     usher_entry_free(entry);
 *   }
 *
 * Model:  as usher/data_queue.h, the same for C++, which says what each call means.
 * Shape:  a call returns USHER_OK, USHER_NOTHING (the wait is over and nothing came) or an error below, which
 *         usher_error_text() explains. What a call returns through its last parameter is NULL or 0 unless it was OK.
 *         A wait is in seconds, fractions allowed; below 0 is for ever; at most 99,999.
 *         Where a key may be given, NULL is none; a length of USHER_TEXT_KEY says that it is a text that ends with a
 *         zero byte and may be shorter than the queue's keys.
 * Owns:   each handle is the caller's, to be closed or freed; NULL is allowed there. A queue keeps its library open.
 * Thread: all but watches, transactions and leases may be used by several threads at one time.
 * Fork:   a child may go on with libraries and queues; watches, leases and transactions are the parent's.
 */
#ifndef USHER_USHER_H
#define USHER_USHER_H

#include <stddef.h>
#include <stdint.h>

/* NOLINTBEGIN(modernize-use-using): this is C */
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* The numbers are those of usher::ErrorCode. */
enum usher_result {
  USHER_NOTHING = -1,
  USHER_OK = 0,
  USHER_INVALID_ARGUMENT = 1,
  USHER_NOT_AUTHORIZED,
  USHER_LIBRARY_NOT_FOUND,
  USHER_QUEUE_NOT_FOUND,
  USHER_ALREADY_EXISTS,
  USHER_TOO_LONG,     /* CPF2498 */
  USHER_KEY_REQUIRED, /* CPF9501 */
  USHER_KEY_LENGTH,   /* CPF9506 */
  USHER_NOT_KEYED,    /* CPF9502 */
  USHER_QUEUE_FULL,
  USHER_LEASE_LOST,
  USHER_BUSY,
  USHER_DAMAGED,
  USHER_WRONG_VERSION,
  USHER_DISK_FULL,
  USHER_READ_ONLY,
  USHER_IO,
  USHER_PROTOCOL,
  USHER_CONFIGURATION,
  USHER_NOT_RUNNING,
  USHER_JOB_NOT_FOUND
};

/* "queue_not_found" */
const char* usher_error_name(int result);
/* Of this thread's last call that failed; good until its next call. */
const char* usher_error_text(void);

typedef struct usher_library usher_library;
typedef struct usher_queue usher_queue;
typedef struct usher_entry usher_entry;
typedef struct usher_lease usher_lease;
typedef struct usher_watch usher_watch;
typedef struct usher_transaction usher_transaction;

#define USHER_CREATE 1U    /* make the library when it is not there */
#define USHER_VOLATILE 2U /* never wait for the disk: for a library that is made anew after a loss of power */

/* `mode` is that of a new file, less the umask. */
int usher_library_open(const char* path, unsigned flags, unsigned mode, usher_library** library);
void usher_library_close(usher_library* library);

enum usher_sequence { USHER_FIFO = 0, USHER_LIFO, USHER_KEYED };

/* All zero but max_length is a good beginning: usher_attributes_default(). */
typedef struct usher_attributes {
  int sequence;
  uint32_t max_length;
  uint32_t key_length;
  uint32_t max_deliveries;
  uint64_t max_entries;
  int sender_id;
  int force;
  const char* text;        /* NULL: none */
  const char* dead_letter; /* NULL: none */
} usher_attributes;

void usher_attributes_default(usher_attributes* attributes);

/* `attributes` NULL: the default ones. `queue` may be NULL when no handle is wanted. */
int usher_queue_create(usher_library* library, const char* name, const usher_attributes* attributes,
                       usher_queue** queue);
int usher_queue_open(usher_library* library, const char* name, usher_queue** queue);
int usher_queue_delete(usher_library* library, const char* name);
void usher_queue_close(usher_queue* queue);

typedef struct usher_description {
  char name[11];
  int sequence;
  uint32_t max_length;
  uint32_t key_length;
  uint32_t max_deliveries;
  uint64_t max_entries;
  int sender_id;
  int force;
  char text[201];
  char dead_letter[11];
  uint64_t entries;  /* without those under a lease */
  uint64_t bytes;    /* their data and keys */
  int64_t oldest_us; /* since 1970; 0: there is none */
  uint64_t leased;
  uint32_t waiters;
} usher_description;

int usher_describe(usher_queue* queue, usher_description* description);

#define USHER_FOR_EVER (-1.0)
#define USHER_WHOLE_ENTRY SIZE_MAX
#define USHER_TEXT_KEY SIZE_MAX

enum usher_order { USHER_EQ = 0, USHER_NE, USHER_LT, USHER_LE, USHER_GT, USHER_GE };

/* The entries whose key stands in `order` to `key`. */
typedef struct usher_selection {
  int order;
  const void* key;
  size_t key_length;
} usher_selection;

int usher_send(usher_queue* queue, const void* data, size_t length, const void* key, size_t key_length);
/* `which` NULL: for a queue without keys. `limit` cuts what is returned, not what is removed. */
int usher_receive(usher_queue* queue, const usher_selection* which, double wait, size_t limit, usher_entry** entry);
int usher_peek(usher_queue* queue, const usher_selection* which, double wait, size_t limit, usher_entry** entry);

typedef struct usher_outgoing {
  const void* data;
  size_t length;
  const void* key;
  size_t key_length;
} usher_outgoing;

/* All of them or, after an error, none. */
int usher_send_batch(usher_queue* queue, const usher_outgoing* entries, size_t count);
/* Waits for the first, then takes what is there. `entries` has room for `most`, and `*count` were filled. */
int usher_receive_batch(usher_queue* queue, const usher_selection* which, size_t most, double wait, size_t limit,
                        usher_entry** entries, size_t* count);
/* Entries left where they are, in their order or, with `reverse`, against it; as receive_batch. */
int usher_list(usher_queue* queue, const usher_selection* which, int reverse, size_t most, size_t limit,
               usher_entry** entries, size_t* count);
/* `removed` may be NULL. */
int usher_clear(usher_queue* queue, const usher_selection* which, uint64_t* removed);

const void* usher_entry_data(const usher_entry* entry);
size_t usher_entry_size(const usher_entry* entry);   /* of the data returned */
size_t usher_entry_length(const usher_entry* entry); /* of the whole entry; more, when a limit cut it */
const void* usher_entry_key(const usher_entry* entry);
size_t usher_entry_key_length(const usher_entry* entry);
int64_t usher_entry_enqueued_us(const usher_entry* entry);
const char* usher_entry_sender_job(const usher_entry* entry);  /* NULL: not kept */
const char* usher_entry_sender_user(const usher_entry* entry); /* NULL: not kept */
uint64_t usher_entry_number(const usher_entry* entry);
uint32_t usher_entry_deliveries(const usher_entry* entry);
void usher_entry_free(usher_entry* entry);

/* An entry hidden from others until it is completed; back at its place when it is released, freed, or its process ends.
 */
int usher_lease_next(usher_queue* queue, const usher_selection* which, double wait, usher_lease** lease);
/* Good as long as the lease. */
const usher_entry* usher_lease_entry(const usher_lease* lease);
uint64_t usher_lease_number(const usher_lease* lease);
int usher_lease_complete(usher_lease* lease);
int usher_lease_release(usher_lease* lease);
void usher_lease_free(usher_lease* lease);

/* Waiting as a descriptor for an event loop: arm, poll until it is readable, receive; USHER_NOTHING is a false alarm.
 */
int usher_watch_make(usher_queue* queue, const usher_selection* which, usher_watch** watch);
int usher_watch_fd(const usher_watch* watch);
int usher_watch_arm(usher_watch* watch);
int usher_watch_disarm(usher_watch* watch);
int usher_watch_receive(usher_watch* watch, size_t limit, usher_entry** entry);
void usher_watch_free(usher_watch* watch);

/* Several sends and receives that happen together or not at all: freed before its commit, it did nothing. */
int usher_transaction_begin(usher_library* library, usher_transaction** transaction);
int usher_transaction_send(usher_transaction* transaction, usher_queue* queue, const void* data, size_t length,
                           const void* key, size_t key_length);
int usher_transaction_receive(usher_transaction* transaction, usher_queue* queue, const usher_selection* which,
                              size_t limit, usher_entry** entry);
int usher_transaction_complete(usher_transaction* transaction, usher_lease* lease);
int usher_transaction_commit(usher_transaction* transaction);
void usher_transaction_free(usher_transaction* transaction);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

/* NOLINTEND(modernize-use-using) */

#endif

/* The data-queue calls of IBM i, for C programs that are moved from there: QSNDDTAQ, QRCVDTAQ, QCLRDTAQ, QMHQRDQD.
 *
 * Shape:  the parameters of the original in their order, as plain C types: PACKED and BINARY are int; CHAR(10) is up to
 *         ten characters, padded with blanks or ended by a zero byte. All are given: an optional group is left out with
 *         0 and NULL, the size of the receiver with IBMI_WHOLE_ENTRY. usher_unpack() and usher_pack() convert packed
 *         decimals that stand in records.
 * Model:  a library is the file LIBRARY.db, its name in lower case, in the directory of the variable USHER_LIBRARIES,
 *         else /var/lib/usher/queues; *LIBL, *CURLIB and a blank name are the file of the variable USHER_LIBRARY.
 *         Data is bytes: nothing is converted to or from EBCDIC.
 * Errors: what sends an escape message there returns non-zero here, an usher_result of usher/usher.h, with the text in
 *         usher_error_text(). With an error code structure the message id is put there as well.
 * Source: IBM i 7.x, Object APIs, data queues. Keys and waits mean what they mean there; among several receivers the
 *         one that has waited longest gets the entry.
 */
#ifndef USHER_IBMI_H
#define USHER_IBMI_H

#include "usher/usher.h"

/* NOLINTBEGIN(modernize-use-using): this is C */
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

#define IBMI_WHOLE_ENTRY (-1)

/* Error code parameter, format ERRC0100: bytes_provided is the caller's; 0 or less than 16: nothing is put here. */
typedef struct ibmi_error_code {
  int bytes_provided;
  int bytes_available; /* 0: no error */
  char exception_id[7];
  char reserved;
} ibmi_error_code;

/* Sender information, as far as the queue keeps it; else bytes_available is 8. */
typedef struct ibmi_sender {
  int bytes_returned;
  int bytes_available;
  char job_name[10];
  char job_user[10];
  char job_number[6];
  char current_user[10];
} ibmi_sender;

/* Format RDQD0100. */
typedef struct ibmi_rdqd0100 {
  int bytes_returned;
  int bytes_available;
  int message_length;
  int key_length;
  char sequence;          /* F, K or L */
  char include_sender_id; /* Y or N */
  char force;             /* Y or N */
  char text[50];
  char type;              /* 0: standard */
  char automatic_reclaim; /* 0: no */
  char reserved;
  int number_of_messages;
  int number_of_entries_allocated; /* the same */
  char queue_name[10];
  char library_name[10];
  int maximum_entries; /* -1: no limit */
  int initial_entries; /* 0 */
} ibmi_rdqd0100;

/* `asynchronous` and `journal` (*YES, *NO) are of no effect. */
int QSNDDTAQ(const char* queue, const char* library, int data_length, const void* data, int key_length, const void* key,
             const char* asynchronous, const char* journal);

/* The wait is in seconds, below 0 for ever. `*data_length` is that of the whole entry, 0 when none came in time (and
 * of an empty entry). `order` is EQ, NE, LT, LE, GT or GE; the key of the entry is put into `key`. `remove` *NO looks
 * only. */
int QRCVDTAQ(const char* queue, const char* library, int* data_length, void* data, int wait, const char* order,
             int key_length, void* key, int sender_length, void* sender, const char* remove, int receiver_size,
             ibmi_error_code* error);

int QCLRDTAQ(const char* queue, const char* library, const char* order, int key_length, const void* key,
             ibmi_error_code* error);

/* `format` is RDQD0100; `qualified_queue` is CHAR(20), the queue's name and the library's, ten characters each. */
int QMHQRDQD(void* receiver, int receiver_length, const char* format, const char* qualified_queue);

/* Packed decimals without fraction, of `bytes` bytes: PACKED(5,0) has 3. -1 when it is none, or too large. */
int usher_unpack(const void* packed, int bytes, long* value);
int usher_pack(long value, void* packed, int bytes);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

/* NOLINTEND(modernize-use-using) */

#endif

// Leases, watches and transactions.
#include "dataqueue/c_api/handles.h"

using namespace usher;
using namespace usher::c_api;

int usher_lease_next(usher_queue* queue, const usher_selection* which, double wait, usher_lease** lease) {
  return guarded([&] {
    given(lease, "lease") = nullptr;
    DataQueue& from = given(queue, "queue").queue;
    const auto wanted = selection_of(which);
    auto leased = wanted ? from.lease(*wanted, wait_of(wait)) : from.lease(wait_of(wait));
    if (!leased) return USHER_NOTHING;
    usher_entry entry{leased->entry()};
    *lease = new usher_lease{std::move(*leased), std::move(entry)};
    return USHER_OK;
  });
}

const usher_entry* usher_lease_entry(const usher_lease* lease) {
  return &lease->entry;
}

uint64_t usher_lease_number(const usher_lease* lease) {
  return lease->lease.number();
}

int usher_lease_complete(usher_lease* lease) {
  return guarded([&] {
    given(lease, "lease").lease.complete();
    return USHER_OK;
  });
}

int usher_lease_release(usher_lease* lease) {
  return guarded([&] {
    given(lease, "lease").lease.release();
    return USHER_OK;
  });
}

void usher_lease_free(usher_lease* lease) {
  delete lease;
}

int usher_watch_make(usher_queue* queue, const usher_selection* which, usher_watch** watch) {
  return guarded([&] {
    given(watch, "watch") = nullptr;
    DataQueue& of = given(queue, "queue").queue;
    const auto wanted = selection_of(which);
    *watch = new usher_watch{wanted ? of.watch(*wanted) : of.watch()};
    return USHER_OK;
  });
}

int usher_watch_fd(const usher_watch* watch) {
  return watch->watch.fd();
}

int usher_watch_arm(usher_watch* watch) {
  return guarded([&] {
    given(watch, "watch").watch.arm();
    return USHER_OK;
  });
}

int usher_watch_disarm(usher_watch* watch) {
  return guarded([&] {
    given(watch, "watch").watch.disarm();
    return USHER_OK;
  });
}

int usher_watch_receive(usher_watch* watch, size_t limit, usher_entry** entry) {
  return guarded([&] {
    given(entry, "entry") = nullptr;
    return hand_out(given(watch, "watch").watch.receive(limit), entry);
  });
}

void usher_watch_free(usher_watch* watch) {
  delete watch;
}

int usher_transaction_begin(usher_library* library, usher_transaction** transaction) {
  return guarded([&] {
    given(transaction, "transaction") = nullptr;
    *transaction = new usher_transaction{Transaction(given(library, "library").library)};
    return USHER_OK;
  });
}

int usher_transaction_send(usher_transaction* transaction, usher_queue* queue, const void* data, size_t length,
                           const void* key, size_t key_length) {
  return guarded([&] {
    Transaction& in = given(transaction, "transaction").transaction;
    const DataQueue& to = given(queue, "queue").queue;
    const auto wanted = key_at(key, key_length);
    if (wanted)
      in.send(to, bytes_at(data, length, "data"), *wanted);
    else
      in.send(to, bytes_at(data, length, "data"));
    return USHER_OK;
  });
}

int usher_transaction_receive(usher_transaction* transaction, usher_queue* queue, const usher_selection* which,
                              size_t limit, usher_entry** entry) {
  return guarded([&] {
    given(entry, "entry") = nullptr;
    Transaction& in = given(transaction, "transaction").transaction;
    const DataQueue& from = given(queue, "queue").queue;
    const auto wanted = selection_of(which);
    return hand_out(wanted ? in.receive(from, *wanted, limit) : in.receive(from, limit), entry);
  });
}

int usher_transaction_complete(usher_transaction* transaction, usher_lease* lease) {
  return guarded([&] {
    given(transaction, "transaction").transaction.complete(given(lease, "lease").lease);
    return USHER_OK;
  });
}

int usher_transaction_commit(usher_transaction* transaction) {
  return guarded([&] {
    given(transaction, "transaction").transaction.commit();
    return USHER_OK;
  });
}

void usher_transaction_free(usher_transaction* transaction) {
  delete transaction;
}

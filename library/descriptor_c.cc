// The C side of usher/descriptor.h.
#include <cstring>

#include "dataqueue/c_api/handles.h"
#include "usher/descriptor.h"

struct usher_taker {
  usher::Taker taker;
};

struct usher_given {
  usher::Given given;
};

using namespace usher;
using namespace usher::c_api;

int usher_own_job(char* id, char* name) {
  return guarded([&] {
    const JobIdentity job = own_job();
    if (id != nullptr) std::memcpy(id, job.id.c_str(), job.id.size() + 1);
    if (name != nullptr) std::memcpy(name, job.name.c_str(), job.name.size() + 1);
    return USHER_OK;
  });
}

int usher_give(const char* job, const int* descriptors, size_t count, const void* data, size_t length, double wait) {
  return guarded([&] {
    given(job, "job");
    if (count != 0) given(descriptors, "descriptors");
    const bool taken = give(job, {descriptors, count}, bytes_at(data, length, "data"), wait_of(wait));
    return taken ? USHER_OK : USHER_NOTHING;
  });
}

int usher_taker_open(const char* source, usher_taker** taker) {
  return guarded([&] {
    given(taker, "taker") = nullptr;
    *taker = new usher_taker{Taker(source == nullptr ? "" : source)};
    return USHER_OK;
  });
}

int usher_taker_fd(usher_taker* taker) {
  int fd = -1;
  guarded([&] {
    fd = given(taker, "taker").taker.fd();
    return USHER_OK;
  });
  return fd;
}

int usher_take(usher_taker* taker, double wait, usher_given** out) {
  return guarded([&] {
    given(out, "given") = nullptr;
    auto taken = given(taker, "taker").taker.take(wait_of(wait));
    if (!taken) return USHER_NOTHING;
    *out = new usher_given{std::move(*taken)};
    return USHER_OK;
  });
}

void usher_taker_close(usher_taker* taker) {
  delete taker;
}

size_t usher_given_count(const usher_given* given) {
  return given->given.descriptors.size();
}
int usher_given_descriptor(usher_given* given, size_t n) {
  return n < given->given.descriptors.size() ? given->given.descriptors[n].release() : -1;
}
const void* usher_given_data(const usher_given* given) {
  return given->given.data.data();
}
size_t usher_given_size(const usher_given* given) {
  return given->given.data.size();
}
const char* usher_given_giver_id(const usher_given* given) {
  return given->given.giver.id.c_str();
}
const char* usher_given_giver_name(const usher_given* given) {
  return given->given.giver.name.c_str();
}
long usher_given_giver_user(const usher_given* given) {
  return static_cast<long>(given->given.user);
}
void usher_given_free(usher_given* given) {
  delete given;
}

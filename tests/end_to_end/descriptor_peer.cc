// A program that does with descriptors what its client says, a line a call, through the shared library.
//
//   id                        -> ID NAME
//   give JOB DATA SECONDS     gives its connection and its standard error -> given | nothing | error NAME
//   take SECONDS [SOURCE]     -> took DATA COUNT GIVER; then writes "from TAKER" to the first descriptor | nothing |
//   error NAME hold SECONDS              as take, by the descriptor for event loops offer JOB                 gives
//   from C; offer-ibmi ID -> 0 | errno send FILE QUEUE           -> sent
//   give-many JOB COUNT SIZE  so many copies of its connection, so much control data; take-many -> took COUNT SIZE
//   limit COUNT, open         how many descriptors it may have, and has
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "base/job_id.h"
#include "usher/data_queue.h"
#include "usher/descriptor.h"
#include "usher/ibmi_descriptor.h"

namespace {

using namespace usher;

Wait seconds(double count) {
  return std::chrono::duration<double>(count);
}

void say_taken(const std::optional<Given>& given) {
  if (!given) {
    std::cout << "nothing" << std::endl;
    return;
  }
  std::cout << "took " << given->data << ' ' << given->descriptors.size() << ' '
            << (given->giver.name.empty() ? "root" : given->giver.name) << std::endl;
  const std::string line = "from " + std::to_string(::getpid()) + "\n";
  if (::write(given->descriptors.at(0).get(), line.data(), line.size()) < 0) std::cout << "cannot write" << std::endl;
}

void take(std::istream& words) {
  double wait = 0;
  std::string source;
  words >> wait >> source;
  Taker taker(source);
  say_taken(taker.take(seconds(wait)));
}

void hold(std::istream& words) {
  double wait = 0;
  words >> wait;
  Taker taker;
  std::optional<Given> given;
  for (int i = 0; i < 100 && !given; ++i) {
    pollfd ready{taker.fd(), POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(wait * 1000)) <= 0) break;
    given = taker.take(Wait::none());
  }
  say_taken(given);
}

void give_both(std::istream& words) {
  std::string job;
  std::string data;
  double wait = 0;
  words >> job >> data >> wait;
  const std::array<int, 2> both{STDOUT_FILENO, STDERR_FILENO};
  const bool taken = give(job, both, data, seconds(wait));
  std::cout << (taken ? "given" : "nothing") << std::endl;
}

void give_many(std::istream& words) {
  std::string job;
  std::size_t count = 0;
  std::size_t size = 0;
  words >> job >> count >> size;
  const std::vector<int> many(count, STDOUT_FILENO);
  const bool taken = give(job, many, std::string(size, 'x'), seconds(10));
  std::cout << (taken ? "given" : "nothing") << std::endl;
}

void take_many() {
  Taker taker;
  const auto given = taker.take(seconds(10));
  std::cout << "took " << given->descriptors.size() << ' ' << given->data.size() << std::endl;
}

// So many descriptors at the most; what cannot be is not done.
void limit(std::istream& words) {
  rlimit open_files{};
  words >> open_files.rlim_cur;
  open_files.rlim_max = 1024;
  std::cout << (::setrlimit(RLIMIT_NOFILE, &open_files) == 0 ? "limited" : std::strerror(errno)) << std::endl;
}

void count_open() {
  int open = 0;
  for (int fd = 0; fd < 1024; ++fd) open += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  std::cout << open << std::endl;
}

void offer_as_c(std::istream& words) {
  std::string job;
  words >> job;
  const int fd = STDOUT_FILENO;
  const int result = usher_give(job.c_str(), &fd, 1, "c", 1, 10);
  std::cout << (result == USHER_OK ? "0" : usher_error_name(result)) << std::endl;
}

void take_as_c() {
  usher_taker* taker = nullptr;
  usher_given* given = nullptr;
  int result = usher_taker_open(nullptr, &taker);
  if (result == USHER_OK) result = usher_take(taker, 10, &given);
  if (result == USHER_OK) {
    std::cout << "took " << std::string(static_cast<const char*>(usher_given_data(given)), usher_given_size(given))
              << ' ' << usher_given_count(given) << ' ' << usher_given_giver_name(given) << std::endl;
    ::close(usher_given_descriptor(given, 0));
  } else {
    std::cout << "error " << usher_error_name(result) << std::endl;
  }
  usher_given_free(given);
  usher_taker_close(taker);
}

void offer_ibmi(std::istream& words) {
  std::string hex;
  words >> hex;
  auto id = JobId::from_hex(hex).value_or(JobId{});
  const int result = givedescriptor(STDOUT_FILENO, static_cast<char*>(static_cast<void*>(id.bytes.data())));
  std::cout << (result == 0 ? 0 : errno) << std::endl;
}

void take_ibmi() {
  const int fd = takedescriptor(nullptr);
  std::cout << (fd >= 0 ? "took" : std::strerror(errno)) << std::endl;
  if (fd >= 0) ::close(fd);
}

void send_entry(std::istream& words) {
  std::string file;
  std::string queue;
  words >> file >> queue;
  Library(file).queue(queue).send("entry");
  std::cout << "sent" << std::endl;
}

void obey(std::istream& words) {
  std::string call;
  words >> call;
  if (call == "id") std::cout << own_job().id << ' ' << own_job().name << std::endl;
  if (call == "give") give_both(words);
  if (call == "take") take(words);
  if (call == "hold") hold(words);
  if (call == "give-many") give_many(words);
  if (call == "take-many") take_many();
  if (call == "limit") limit(words);
  if (call == "open") count_open();
  if (call == "offer") offer_as_c(words);
  if (call == "accept") take_as_c();
  if (call == "offer-ibmi") offer_ibmi(words);
  if (call == "take-ibmi") take_ibmi();
  if (call == "send") send_entry(words);
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    try {
      obey(words);
    } catch (const Error& error) {
      std::cout << "error " << name_of(error.code()) << std::endl;
    } catch (const std::exception& error) {
      std::cout << "error " << error.what() << std::endl;
    }
  }
}

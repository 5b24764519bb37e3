// chat: a room for everybody who is logged in. Each user is a process of its own under the user's own id; what they say
// travels over data queues, and there is no server.
//
//   chat FILE              the room is the library FILE, which is made when it is not there
//
//   hello                  everybody sees: <ada> hello
//   /who                   who is here
//   /quit                  or the end of the connection
//
// Model:  each user has a queue, "U" and the process number, whose text is the user's name; a line is sent to all of
//         them in one transaction, so that all see the same order. Beside these stands HERE, which holds for each user
//         one entry under a lease of that user's process. When the process ends, however it ends, the entry comes
//         back, and whoever is given it says that this user has left.
// Trust:  names come from the library, which had them from the kernel; but all who may write FILE trust each other.
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "programs/connection.h"
#include "usher/data_queue.h"

using namespace usher;
using namespace usher::programs;

namespace {

constexpr std::size_t kMaxLine = 1000;
constexpr std::size_t kNameLength = 10;      // of a queue: the keys of HERE
constexpr std::uint64_t kMostUnread = 1000;  // a client that does not read misses what comes then
const KeySelection kAnybody{KeyOrder::ge, Key::text("")};

// Lines of standard input as far as they have come.
class Input {
 public:
  // False at the end.
  bool fill() {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count > 0) buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    return count > 0 || (count < 0 && errno == EINTR);
  }
  std::optional<std::string> line() {
    const std::size_t end = buffer_.find('\n');
    if (end == buffer_.npos && buffer_.size() <= kMaxLine) return std::nullopt;
    std::string line = buffer_.substr(0, std::min(end, kMaxLine));
    buffer_.erase(0, end == buffer_.npos ? buffer_.size() : end + 1);
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }

 private:
  std::string buffer_;
};

DataQueue open_or_make(Library& library, const std::string& name, const QueueAttributes& attributes) {
  try {
    return library.create_queue(name, attributes);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::already_exists) throw;
    return library.queue(name);
  }
}

// A queue of that name is one of a process that is gone.
DataQueue make_anew(Library& library, const std::string& name, const QueueAttributes& attributes) {
  try {
    library.delete_queue(name);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::queue_not_found) throw;
  }
  return library.create_queue(name, attributes);
}

std::string key_of(DataQueue& queue) {
  std::string key = queue.name();
  key.resize(kNameLength);
  return key;
}

class Room {
 public:
  explicit Room(const std::string& file)
      : library_(file, {.create = true}),
        here_(open_or_make(library_, "HERE",
                           {.sequence = Sequence::keyed, .key_length = kNameLength, .sender_id = true})),
        own_(make_anew(library_, "U" + std::to_string(::getpid()),
                       {.max_entries = kMostUnread, .sender_id = true, .text = variable("USER").substr(0, 32)})),
        presence_(be_here()),
        lines_(own_.watch()),
        gone_(here_.watch(kAnybody)) {
    lines_.arm();
    gone_.arm();
  }
  ~Room() { leave(); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  std::array<int, 2> descriptors() const { return {lines_.fd(), gone_.fd()}; }

  // To everybody, this user included.
  void tell(const std::string& line) {
    const std::vector<QueueDescription> users = this->users();
    Transaction transaction(library_);
    tell(transaction, users, line);
    transaction.commit();
  }

  void show_who() {
    for (const QueueDescription& user : users()) say("* " + printable(user.attributes.text));
  }

  // What was said meanwhile.
  void show_lines() {
    while (const auto entry = lines_.receive()) {
      show(*entry);
      for (const Entry& more : own_.receive_batch(kMostUnread)) show(more);
      lines_.arm();
    }
  }

  // Somebody's process has ended: it is seen to leave. Should this one die over it, the next one is told: the entry goes together
  // with the word of it, and the queue before.
  void notice_gone() {
    const auto first = Transaction(library_).receive(gone_);  // rolled back: a look
    if (!first) return;
    const bool dead = first->deliveries > 0;  // else somebody who is only just coming in
    if (dead) delete_queue_of(*first);
    const std::vector<QueueDescription> users = this->users();
    {
      Transaction transaction(library_);
      const auto entry = transaction.receive(gone_);
      if (!entry || entry->key != first->key || (entry->deliveries > 0) != dead) return;
      if (dead) {
        tell(transaction, users, "* " + entry->data + " is gone");
      } else {
        transaction.send(here_, entry->data, Key::bytes(entry->key));
      }
      transaction.commit();
    }
    gone_.arm();
  }

 private:
  // The entry is hidden from now on, until this process ends.
  Lease be_here() {
    const KeySelection own{KeyOrder::eq, Key::bytes(key_of(own_))};
    here_.clear(own);
    here_.send(own_.attributes().text, own.key);
    auto lease = here_.lease(own, std::chrono::seconds(10));
    if (!lease) throw Error(ErrorCode::busy, "enter the room");
    return std::move(*lease);
  }

  void leave() noexcept try {
    lines_.disarm();
    gone_.disarm();
    library_.delete_queue(own_.name());
    presence_.complete();
    tell("* " + variable("USER") + " leaves");
  } catch (const std::exception&) {
    return;  // the lease ends with this process, and the others see it
  }

  void delete_queue_of(const Entry& entry) {
    try {
      library_.delete_queue(entry.key.substr(0, entry.key.find('\0')));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::queue_not_found) throw;
    }
  }

  void tell(Transaction& transaction, const std::vector<QueueDescription>& users, const std::string& line) {
    for (const QueueDescription& user : users) send_if_possible(transaction, user.name, line);
  }

  std::vector<QueueDescription> users() {
    std::vector<QueueDescription> users = library_.queues();
    std::erase_if(users, [](const QueueDescription& queue) { return queue.name.front() != 'U'; });
    return users;
  }

  void send_if_possible(Transaction& transaction, const std::string& name, const std::string& line) {
    try {
      transaction.send(DataQueue(library_.state(), name), line);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::queue_full && error.code() != ErrorCode::queue_not_found) throw;
    }
  }

  static void show(const Entry& entry) {
    const bool about = entry.data.starts_with("* ");
    say(about ? printable(entry.data)
              : "<" + printable(entry.sender ? entry.sender->current_user : "?") + "> " + printable(entry.data));
  }

  Library library_;
  DataQueue here_;
  DataQueue own_;
  Lease presence_;
  Watch lines_;
  Watch gone_;
};

// False when the user wants to go.
bool obey(Room& room, const std::string& line) {
  if (line == "/quit") return false;
  if (line == "/who")
    room.show_who();
  else if (!line.empty())
    room.tell(line.starts_with("* ") ? " " + line : line);
  return true;
}

bool obey_all(Room& room, Input& input) {
  if (!input.fill()) return false;
  while (const auto line = input.line()) {
    if (!obey(room, *line)) return false;
  }
  return true;
}

void chat(const std::string& file) {
  Room room(file);
  Input input;
  room.tell("* " + variable("USER") + " is here");
  const auto [lines, gone] = room.descriptors();
  std::array<pollfd, 3> watched{{{STDIN_FILENO, POLLIN, 0}, {lines, POLLIN, 0}, {gone, POLLIN, 0}}};
  while (flush()) {
    if (::poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[1].revents != 0) room.show_lines();
    if (watched[2].revents != 0) room.notice_gone();
    if (watched[0].revents != 0 && !obey_all(room, input)) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  client_may_vanish();
  ::umask(0);  // the room is for everybody who may enter its directory
  try {
    if (argc != 2) throw std::runtime_error("usage: chat FILE");
    chat(argv[1]);
  } catch (const std::exception& error) {
    say("ERR " + std::string(error.what()));
    flush();
    return 1;
  }
  return flush() ? 0 : 1;
}

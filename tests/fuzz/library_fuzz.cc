// A library of data queues whose files hold anything: a good one, over which the input writes; using it is an error or
// works.
//
// Shape:  pieces of: which file (1 byte: even the database, odd the sidecar), where (3 bytes), length (1 byte), bytes.
#include <unistd.h>

#include <array>
#include <functional>

#include "tests/fuzz/fuzz.h"
#include "tests/support/temporary_directory.h"
#include "usher/data_queue.h"

using namespace usher;

namespace {

constexpr std::array kQueues{"FIFO", "LIFO", "KEYED", "DEAD"};
constexpr OpenLibrary kOpen{.create = true, .durability = Durability::process};

void fill(const std::string& path) {
  Library library(path, kOpen);
  library.create_queue("DEAD", {});
  DataQueue fifo = library.create_queue("FIFO", {.sender_id = true, .max_deliveries = 1, .dead_letter = "DEAD"});
  DataQueue lifo = library.create_queue("LIFO", {.max_length = 10'000, .max_entries = 3});
  DataQueue keyed = library.create_queue("KEYED", {.sequence = Sequence::keyed, .key_length = 2, .text = "by key"});
  for (const char* data : {"one", "", "three"}) {
    fifo.send(data);
    keyed.send(data, Key::text(std::string_view(data).substr(0, 2)));
  }
  lifo.send(std::string(9'000, 'x'));
}

// The good library, and the copy of it that is used.
class Files {
 public:
  Files() {
    fill(path());
    database_ = testing::read_file(path());
    sidecar_ = testing::read_file(path() + "-sidecar");
  }

  std::string path() const { return directory_.path("fuzz.db"); }

  void damage(fuzz::Input& input) const {
    std::string database = database_;
    std::string sidecar = sidecar_;
    while (!input.empty()) {
      std::string& file = input.byte() % 2 == 0 ? database : sidecar;
      const std::size_t at = input.number(3) % file.size();
      const std::string_view bytes = input.bytes(std::min<std::size_t>(input.byte(), file.size() - at));
      file.replace(at, bytes.size(), bytes);
    }
    for (const char* suffix : {"-wal", "-shm"}) ::unlink((path() + suffix).c_str());
    (void)directory_.write("fuzz.db", database);
    (void)directory_.write("fuzz.db-sidecar", sidecar);
  }

 private:
  testing::TemporaryDirectory directory_;
  std::string database_;
  std::string sidecar_;
};

void attempt(const std::function<void()>& use) {
  try {
    use();
  } catch (const Error&) {
    // Damaged; what is left must still bear to be used.
  }
}

void use_queue(Library& library, const char* name) {
  std::optional<DataQueue> queue;
  attempt([&] { queue = library.queue(name); });
  if (!queue) return;
  attempt([&] { queue->send("sent"); });
  attempt([&] { queue->send("sent", Key::text("s")); });
  attempt([&] { (void)queue->describe(); });
  attempt([&] { (void)queue->list(); });
  attempt([&] { (void)queue->peek(KeySelection{KeyOrder::ge, Key::text("")}); });
  attempt([&] { (void)queue->lease(); });
  attempt([&] { (void)queue->receive(); });
  attempt([&] { (void)queue->receive_batch(10); });
  attempt([&] { (void)queue->receive(KeySelection{KeyOrder::ne, Key::text("z")}); });
  attempt([&] { (void)queue->clear(); });
}

void use_library(const std::string& path) {
  Library library(path, {.durability = Durability::process});
  attempt([&] { (void)library.queues(); });
  for (const char* name : kQueues) use_queue(library, name);
  attempt([&] { library.create_queue("NEW"); });
  attempt([&] { library.delete_queue("FIFO"); });
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Files files;
  fuzz::Input input(data, size);
  files.damage(input);
  attempt([] { use_library(files.path()); });
  return 0;
}

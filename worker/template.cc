#include "worker/template.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "auth/become_user.h"
#include "auth/empty_network.h"
#include "base/bare_fork.h"
#include "base/large_pages.h"
#include "base/log.h"
#include "base/own_directory.h"
#include "base/system.h"
#include "tls/gathered_memory.h"
#include "worker/common_ranges.h"
#include "worker/dense_heap.h"
#include "worker/own_worker.h"
#include "worker/starter_death.h"

namespace usher {
namespace {

// Started PAM transactions of one pool: one is never used and keeps the modules mapped; the next worker takes the other along.
struct PamStock {
  std::unique_ptr<PamTransaction> keeper;
  std::unique_ptr<PamTransaction> next;
};

Account required_account(const std::string& name) {
  auto account = find_account(name);
  if (!account) throw Error(ErrorCode::configuration, "there is no user \"" + name + "\"");
  return *account;
}

constexpr std::size_t kLoginHeap = std::size_t{48} * 1024;  // what a password's check asks for: libcrypt's record has 32 K

class Template {
 public:
  explicit Template(Channel starter) : starter_(std::move(starter)) {}

  int run() {
    try {
      prepare();
    } catch (const std::exception& error) {
      starter_.send(TemplateFailed{error.what()});
      return 1;
    }
    if (!starter_.send(TemplateReady{})) return 0;
    while (auto order = next_order()) fork_worker(*order);
    return 0;
  }

 private:
  struct Order {
    ForkWorker worker;
    std::array<UniqueFd, 3> channels;
  };

  void prepare() {
    Packet packet;
    if (starter_.wait_receive(packet, Instant::max(), 1) != Received::packet) _exit(0);
    generation_ = packet.as<Prepare>().generation;
    configuration_ = sealed_configuration(packet.take_descriptor(0).get());
    const bool root = ::geteuid() == 0;
    jail_.account = root ? required_account(configuration_.server.login_user) : own_account();
    if (root) {
      const std::string empty = configuration_.server.runtime_directory + "/empty";
      jail_.root.reset(check(::open(empty.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), "open " + empty));
      jail_.network = make_empty_network();
    }
    owner_ = root ? configuration_.server.user : jail_.account.name;
    tls::gather_written_memory();
    tls_.emplace(configuration_);
    const bool with_tls = tls_->vault().size() > 0;
    if (!with_tls) {
      login_program_ = open_login_program();
      move_own_code_to_large_pages();  // those who wait under TLS would be counted a share of all of it
    }
    static_cast<void>(groups_of(jail_.account));  // loads what the name service needs, once for all workers
    for (const PoolConfig& pool : configuration_.pools) stock_.push_back({start_pam(pool), nullptr});
    tls::end_gathering();
    fill_heap_holes();
    const void* const transactions = end_of_used_heap();  // a worker writes its own as soon as it knows the user
    for (std::size_t i = 0; i < stock_.size(); ++i) stock_[i].next = start_pam(configuration_.pools[i]);
    footprint_.add(transactions, end_of_used_heap());
    fill_heap_holes();
    if (with_tls) {
      share_memory();
    } else {
      have_room_for_a_login();
    }
  }

  void have_room_for_a_login() {
    leave_room_in_heap(kLoginHeap);
    const auto* const begin = static_cast<const char*>(end_of_used_heap());
    footprint_.add(begin, begin + kLoginHeap);
  }

  // A session under TLS has two processes that wait.
  static void share_memory() {
    const std::vector<PageRange> common = common_ranges(guard_heap());
    if (!common.empty()) keep_common_memory(common);
    fill_heap_holes();  // that finding them has left
    guard_heap();
  }

  static UniqueFd open_login_program() {
    const std::string path = own_directory() + "usher-login";
    return UniqueFd(check(::open(path.c_str(), O_PATH | O_CLOEXEC), "open " + path));
  }

  static Account own_account() {
    auto account = find_account(::geteuid());
    if (!account) throw Error(ErrorCode::configuration, "this user has no account");
    return *account;
  }

  // None where nobody logs in.
  static std::unique_ptr<PamTransaction> start_pam(const PoolConfig& pool) {
    if (!pool.command.empty()) return nullptr;
    return std::make_unique<PamTransaction>(pool.pam_service, pool.pam_directory);
  }

  std::optional<Order> next_order() {
    Packet packet;
    if (starter_.wait_receive(packet, Instant::max(), 3) != Received::packet) return std::nullopt;
    if (packet.descriptors() != 3) throw ProtocolError("a worker comes with three channels");
    return Order{packet.as<ForkWorker>(), {packet.take_descriptor(0), packet.take_descriptor(1), packet.take_descriptor(2)}};
  }

  void fork_worker(Order& order) {
    const pid_t pid = bare_fork(ChildOf::its_parent);  // the starter reaps and signals workers itself
    if (pid == 0) be_worker_on_own_pages(order);
    if (pid > 0) {
      starter_.send(Forked{order.worker.number, pid});
    } else {
      starter_.send(ForkFailed{order.worker.number, errno});
    }
  }

  // What it has on its stack begins with a page: of the template's frames it is to copy no more than the last.
  [[noreturn]] void be_worker_on_own_pages(Order& order) {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));  // NOLINT: an address
    void* volatile rest = __builtin_alloca(here % static_cast<std::uintptr_t>(::getpagesize()));
    static_cast<void>(rest);
    be_worker(order);
  }

  [[noreturn, gnu::noinline]] void be_worker(Order& order) {
    starter_.close();
    WorkerParts parts{configuration_,
                      generation_,
                      order.worker.number,
                      JobId{order.worker.id},
                      order.worker.pool,
                      jail_,
                      filter_,
                      login_program_,
                      *tls_,
                      footprint_,
                      owner_,
                      std::move(stock_.at(order.worker.pool).next),
                      Channel(std::move(order.channels[0])),
                      Channel(std::move(order.channels[1])),
                      Channel(std::move(order.channels[2]))};
    const bool own = !configuration_.pools.at(order.worker.pool).command.empty();
    _exit(static_cast<int>(own ? run_own_worker(std::move(parts)) : run_worker(std::move(parts))));
  }

  Channel starter_;
  std::uint32_t generation_ = 0;
  Configuration configuration_;
  Jail jail_;
  SystemCallFilter filter_{login_system_calls()};
  UniqueFd login_program_;
  std::optional<tls::Servers> tls_;
  Footprint footprint_;
  std::string owner_;
  std::deque<PamStock> stock_;
};

}  // namespace

int run_template(Channel starter) {
  forbid_dumps();
  end_with_starter();
  return Template(std::move(starter)).run();
}

}  // namespace usher

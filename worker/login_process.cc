#include "worker/login_process.h"

#include <malloc.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "base/orderly_close.h"
#include "base/system.h"
#include "worker/line_reader.h"
#include "worker/login_messages.h"
#include "worker/proxy_header.h"
#include "tls/key_watch.h"
#include "tls/relay.h"
#include "worker/secure_login.h"

namespace usher {
namespace {

// Nothing else is looked at meanwhile: for a moment only.
void sleep_until(Instant at) {
  for (auto left = at - Clock::now(); left > Clock::duration::zero(); left = at - Clock::now()) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec time{seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
    ::ppoll(nullptr, 0, &time, nullptr);
  }
}

// Thrown to leave the dialog: with a last line, or without one because nobody is there to read it.
struct Leave {
  std::optional<std::string> last_line;
  LoginExit exit = LoginExit::over;
};

Leave leave_with(Code code) { return {reply_line(code)}; }

// Source: RFC 857 (ECHO option).
constexpr std::string_view kHideTyping = "\xFF\xFB\x01";  // IAC WILL ECHO
constexpr std::string_view kShowTyping = "\xFF\xFC\x01";  // IAC WONT ECHO

// What setting up a session may take once its program is chosen; then the starter ends the worker.
constexpr std::chrono::seconds kSetUpTime{5};

// From this size on memory stands by itself, and leaves no gap when it goes: that for records is one of the first asked for.
constexpr int kBuffer = 8 * 1024;

class Dialog {
 public:
  Dialog(Channel& worker, const ServeClient& client, const tls::Server* server, UniqueFd connection)
      : worker_(worker),
        client_(client),
        server_(server),
        connection_(std::move(connection)),
        deadline_(from_nanoseconds(client.deadline)),
        stream_(std::make_unique<PlainStream>(connection_.get())) {}

  // Always ends by an orderly close, but for a worker or a client that is gone.
  LoginExit run() {
    try {
      if (client_.refused_address) throw leave_with(Code::address_refused);
      if (client_.by_proxy) hear_proxy();
      if (server_ != nullptr) secure();
      lines_.emplace(*stream_, client_.telnet);
      log_in();
      client_.fixed_program ? leave_the_rest() : choose_program();
      hear_the_end();
    } catch (const Leave& leave) {
      if (!leave.last_line) return leave.exit;
      if (server_ == nullptr || lines_) say_last(*leave.last_line);  // never a plain line where TLS is expected
      close_in_order(std::move(connection_));
      return leave.exit;
    }
  }

 private:
  void hear_proxy() {
    ProxyHeader header(connection_.get());
    while (true) {
      switch (header.read()) {
        case ProxyHeader::Result::whole: return announce_client(header);
        case ProxyHeader::Result::more: wait(POLLIN); break;
        case ProxyHeader::Result::bad: throw bad_input();
        case ProxyHeader::Result::ended: throw Leave{};
      }
    }
  }

  // Whether it may go on is decided now that it is known.
  void announce_client(const ProxyHeader& header) {
    request(ClientAddress{header.host(), header.port()});
    Packet packet;
    wait_for_worker(packet);
    packet.as<Accepted>();
  }

  // Without a handshake there is nobody to tell anything but the alert that it ended with.
  void secure() {
    ::mallopt(M_MMAP_THRESHOLD, kBuffer);
    ::mallopt(M_TOP_PAD, kBuffer);
    auto secured = std::make_unique<TlsStream>(server_->new_connection(), connection_.get());
    if (server_->is_for_kernel()) watch_ = std::make_unique<tls::KeyWatch>(secured->connection());
    HandshakeSigner signer([this](const SignHandshake& wanted) { return wait_for_signature(wanted); });
    while (secured->shake_hands() != 0) {
      signer.throw_what_broke_it();
      if (errno != EAGAIN) throw bad_input();
      wait(secured->awaits());
    }
    const Secured facts = facts_of(secured->connection(), client_.user_from);
    certificate_user_ = facts.user.str();
    stream_ = std::move(secured);
    request(facts);
  }

  Signature wait_for_signature(const SignHandshake& wanted) {
    request(wanted);
    Packet packet;
    wait_for_worker(packet);
    return packet.as<Signature>();
  }

  static Leave bad_input() { return {reply_line(Code::bad_input), LoginExit::bad_input}; }

  void log_in() {
    while (true) {
      ask_for_user();
      if (let_pam_talk()) return;
    }
  }

  void ask_for_user() {
    secret_asked_ = false;
    if (!certificate_user_.empty()) return request(StartLogin{certificate_user_});
    if (!std::exchange(client_.greeted, false)) say(reply_line(Code::ask_user));
    const std::string user = text_of(read_line());
    if (ProxyHeader::is_line_of_one(user)) throw bad_input();
    request(StartLogin{user});
  }

  // Until PAM has decided: true when the user is in, false for another try.
  bool let_pam_talk() {
    while (true) {
      Packet packet;
      wait_for_worker(packet);
      if (packet.kind() == kind_of<Refused>()) {
        const auto refused = packet.as<Refused>();
        sleep_until(from_nanoseconds(refused.at));
        if (refused.last) throw leave_with(Code::login_incorrect);
        say(reply_line(Code::login_incorrect));
        return false;
      }
      if (packet.kind() == kind_of<Accepted>()) return true;
      let_module_talk(packet);
    }
  }

  void let_module_talk(const Packet& packet) {
    if (packet.kind() == kind_of<Ask>()) {
      answer(packet.as<Ask>());
    } else {
      pass_on(packet.as<Tell>());
    }
  }

  void answer(const Ask& ask) {
    if (ask.echo == Echo::on) {
      say(reply_line(Code::ask_shown, ask.prompt.str()));
      request(Answer{read_line()});
      return;
    }
    const bool first = !std::exchange(secret_asked_, true);
    const std::string prompt = first ? reply_line(Code::ask_secret) : reply_line(Code::ask_secret, ask.prompt.str());
    say(client_.telnet ? std::string(kHideTyping) + prompt : prompt);
    Secret secret = read_line();
    if (client_.telnet) say(kShowTyping);
    request(Answer{std::move(secret)});
  }

  void pass_on(const Tell& tell) {
    say(reply_line(tell.tone == Tone::info ? Code::pam_info : Code::pam_error, tell.text.str()));
  }

  // Returns when the worker has begun to start a program.
  void choose_program() {
    while (true) {
      say(reply_line(Code::ask_program));
      const std::string line = text_of(read_line());
      if (line.empty() || line == "?") {
        request(ListPrograms{});
        show_programs();
        continue;
      }
      request(RunProgram{line});
      if (program_is_there()) return;
      say(reply_line(Code::no_such_program));
    }
  }

  void show_programs() {
    Packet packet;
    for (wait_for_worker(packet); packet.kind() == kind_of<ProgramItem>(); wait_for_worker(packet)) {
      say(reply_line(Code::program_item, packet.as<ProgramItem>().text.str()));
    }
    packet.as<ProgramListEnd>();
  }

  bool program_is_there() {
    Packet packet;
    wait_for_worker(packet);
    if (packet.kind() == kind_of<NoSuchProgram>()) return false;
    packet.as<Accepted>();
    return true;
  }

  // While the session is set up its modules may still talk; then the worker ends this process, or makes it the relay.
  [[noreturn]] void hear_the_end() {
    deadline_ += kSetUpTime;
    while (true) {
      UniqueFd program = wait_for_program();
      if (program) relay(std::move(program));
    }
  }

  // The program's side, should this process be its relay; nothing when the worker has said something else, that is done.
  UniqueFd wait_for_program() {
    Packet packet;
    wait_for_worker(packet);
    if (server_ != nullptr && packet.kind() == kind_of<BeRelay>()) {
      if (packet.descriptors() != 1) throw ProtocolError("a relay without a program");
      return packet.take_descriptor(0);
    }
    watch_ && packet.kind() == kind_of<GiveKeys>() ? give_keys() : let_module_talk(packet);
    return {};
  }

  void give_keys() {
    SessionKeys all;
    all.obstacle = watch_->find(all.keys);
    request(all);
  }

  [[noreturn]] void relay(UniqueFd program) {
    watch_.reset();
    stream_->no_more_secrets();
    Relay between(*stream_, connection_.get(), std::move(program), worker_);
    if (between.run()) close_in_order(std::move(connection_));
    throw Leave{};
  }

  // The listener names the program: nothing is read any more, and the worker may go on.
  void leave_the_rest() {
    if (lines_->speaks_telnet()) swallow_telnet_reply();
    request(RunProgram{});
  }

  // A telnet that was told to show typing again answers; where no line is read any more the answer would reach the program.
  void swallow_telnet_reply() {
    const Instant patience = Clock::now() + std::chrono::seconds(1);
    while (!lines_->take_telnet_command()) {
      pollfd wait{connection_.get(), POLLIN, 0};
      if (Clock::now() >= patience || ::poll(&wait, 1, milliseconds_until(patience)) <= 0) return;
    }
  }

  template <class M>
  static constexpr std::uint8_t kind_of() {
    return static_cast<std::uint8_t>(M::kKind);
  }

  static std::string text_of(const Secret& line) {
    return {reinterpret_cast<const char*>(line.bytes().data()), line.size()};  // NOLINT: bytes as characters
  }

  template <class M>
  void request(const M& message) {
    if (!worker_.send(message)) throw Leave{};
  }

  void say(std::string_view line) {
    while (!line.empty()) {
      const ssize_t sent = stream_->send(line);
      if (sent >= 0) {
        line.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        wait(stream_->awaits());
      } else {
        throw Leave{};
      }
    }
  }

  // Whatever the worker says meanwhile: it is over.
  void say_last(std::string_view line) {
    const Instant patience = Clock::now() + kLingerTime;
    while (true) {
      const ssize_t sent = line.empty() ? stream_->end() : stream_->send(line);
      if (sent >= 0 && line.empty()) return;
      if (sent >= 0) {
        line.remove_prefix(static_cast<std::size_t>(sent));
        continue;
      }
      pollfd wait{connection_.get(), stream_->awaits(), 0};
      if (errno != EAGAIN || ::poll(&wait, 1, milliseconds_until(patience)) == 0) return;
    }
  }

  Secret read_line() {
    while (true) {
      switch (lines_->read()) {
        case LineReader::Result::line: return lines_->take();
        case LineReader::Result::more: wait(stream_->awaits()); break;
        case LineReader::Result::bad: throw bad_input();
        case LineReader::Result::ended: throw Leave{};
      }
    }
  }

  // Until the client is ready. The worker has nothing to say meanwhile but that it is over.
  void wait(short client_events) {
    std::array<pollfd, 2> both{{{connection_.get(), client_events, 0}, {worker_.fd(), POLLIN, 0}}};
    poll_until_deadline(both);
    if (both[1].revents == 0) return;
    Packet packet;
    receive(packet);
    throw ProtocolError("the worker said something out of turn");
  }

  // The worker's next message. Finish never comes out of here: it ends the dialog.
  void wait_for_worker(Packet& packet) {
    while (!receive(packet)) {
      std::array<pollfd, 1> one{{{worker_.fd(), POLLIN, 0}}};
      poll_until_deadline(one);
    }
  }

  bool receive(Packet& packet) {
    const Received received = worker_.receive(packet, server_ != nullptr ? 1 : 0);
    if (received == Received::closed) throw Leave{};
    if (received == Received::packet && packet.kind() == kind_of<Finish>()) {
      const auto finish = packet.as<Finish>();
      throw Leave{finish.text.empty() ? reply_line(finish.code) : reply_line(finish.code, finish.text.str())};
    }
    return received == Received::packet;
  }

  template <std::size_t N>
  void poll_until_deadline(std::array<pollfd, N>& fds) {
    const int ready = ::poll(fds.data(), N, milliseconds_until(deadline_));
    if (ready < 0 && errno != EINTR) throw_errno("wait for the client");
    if (ready == 0 && Clock::now() >= deadline_) throw leave_with(Code::too_slow);
  }

  Channel& worker_;
  ServeClient client_;
  const tls::Server* server_;  // none: the connection is plain
  UniqueFd connection_;
  Instant deadline_;
  std::unique_ptr<ClientStream> stream_;
  std::unique_ptr<tls::KeyWatch> watch_;  // of what stream_ has; large, and seldom there
  std::optional<LineReader> lines_;  // once there is somebody to talk to
  std::string certificate_user_;
  bool secret_asked_ = false;
};

struct Client {
  ServeClient record;
  UniqueFd connection;
};

// None when the worker is gone.
std::optional<Client> wait_for_client(const Channel& worker) {
  Packet packet;
  if (worker.wait_receive(packet, Instant::max(), 1) != Received::packet) return std::nullopt;
  if (packet.descriptors() != 1) throw ProtocolError("a client without its descriptor");
  return Client{packet.as<ServeClient>(), packet.take_descriptor(0)};
}

}  // namespace

LoginExit run_login_process(Channel worker, const tls::Servers& servers) {
  if (!worker.send(LoginReady{})) return LoginExit::over;
  auto client = wait_for_client(worker);
  if (!client) return LoginExit::over;
  const tls::Server* server = client->record.tls ? servers.of(client->record.listener) : nullptr;
  return Dialog(worker, client->record, server, std::move(client->connection)).run();
}

}  // namespace usher

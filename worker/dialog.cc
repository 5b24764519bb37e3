#include "worker/dialog.h"

#include <sys/socket.h>

#include <utility>

#include "base/orderly_close.h"
#include "base/system.h"

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

std::string text_of(const Secret& line) {
  return {reinterpret_cast<const char*>(line.bytes().data()), line.size()};  // NOLINT: bytes as characters
}

// Source: RFC 857 (ECHO option).
constexpr std::string_view kHideTyping = "\xFF\xFB\x01";  // IAC WILL ECHO
constexpr std::string_view kShowTyping = "\xFF\xFC\x01";  // IAC WONT ECHO

// What setting up a session may take once its program is chosen; then the starter ends the worker.
constexpr std::chrono::seconds kSetUpTime{5};

}  // namespace

std::optional<ServedClient> wait_for_client(const Channel& worker) {
  Packet packet;
  if (!worker.send(LoginReady{}) || worker.wait_receive(packet, Instant::max(), 1) != Received::packet) return std::nullopt;
  if (packet.descriptors() != 1) throw ProtocolError("a client without its descriptor");
  return ServedClient{packet.as<ServeClient>(), packet.take_descriptor(0)};
}

Dialog::Dialog(Channel& worker, ServedClient client)
    : worker_(worker),
      client_(client.record),
      connection_(std::move(client.connection)),
      stream_(std::make_unique<PlainStream>(connection_.get())),
      deadline_(from_nanoseconds(client_.deadline)) {}

LoginExit Dialog::run() {
  try {
    if (client_.refused_address) throw Leave{reply_line(Code::address_refused)};
    if (client_.by_proxy) hear_proxy();
    secure();
    lines_.emplace(*stream_, client_.telnet);
    log_in();
    client_.fixed_program ? leave_the_rest() : choose_program();
    hear_the_end();
  } catch (const Leave& leave) {
    if (!leave.last_line) return leave.exit;
    if (stream_) say_last(*leave.last_line);
    close_in_order(std::move(connection_));
    return leave.exit;
  }
}

void Dialog::hear_proxy() {
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
void Dialog::announce_client(const ProxyHeader& header) {
  request(ClientAddress{header.host(), header.port()});
  Packet packet;
  wait_for_worker(packet);
  packet.as<Accepted>();
}

void Dialog::log_in() {
  while (true) {
    ask_for_user();
    if (let_pam_talk()) return;
  }
}

void Dialog::ask_for_user() {
  secret_asked_ = false;
  if (!known_user_.empty()) return request(StartLogin{known_user_});
  if (!std::exchange(client_.greeted, false)) say(reply_line(Code::ask_user));
  const std::string user = text_of(read_line());
  if (ProxyHeader::is_line_of_one(user)) throw bad_input();
  request(StartLogin{user});
}

// Until PAM has decided: true when the user is in, false for another try.
bool Dialog::let_pam_talk() {
  while (true) {
    Packet packet;
    wait_for_worker(packet);
    if (packet.kind() == kind_of<Refused>()) {
      const auto refused = packet.as<Refused>();
      sleep_until(from_nanoseconds(refused.at));
      if (refused.last) throw Leave{reply_line(Code::login_incorrect)};
      say(reply_line(Code::login_incorrect));
      return false;
    }
    if (packet.kind() == kind_of<Accepted>()) return true;
    let_module_talk(packet);
  }
}

void Dialog::let_module_talk(const Packet& packet) {
  if (packet.kind() == kind_of<Ask>()) {
    answer(packet.as<Ask>());
  } else {
    pass_on(packet.as<Tell>());
  }
}

void Dialog::answer(const Ask& ask) {
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

void Dialog::pass_on(const Tell& tell) {
  say(reply_line(tell.tone == Tone::info ? Code::pam_info : Code::pam_error, tell.text.str()));
}

// Returns when the worker has begun to start a program.
void Dialog::choose_program() {
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

void Dialog::show_programs() {
  Packet packet;
  for (wait_for_worker(packet); packet.kind() == kind_of<ProgramItem>(); wait_for_worker(packet)) {
    say(reply_line(Code::program_item, packet.as<ProgramItem>().text.str()));
  }
  packet.as<ProgramListEnd>();
}

bool Dialog::program_is_there() {
  Packet packet;
  wait_for_worker(packet);
  if (packet.kind() == kind_of<NoSuchProgram>()) return false;
  packet.as<Accepted>();
  return true;
}

void Dialog::hear_the_end() {
  deadline_ += kSetUpTime;
  while (true) hear_of_session();
}

void Dialog::hear_of_session() {
  Packet packet;
  wait_for_worker(packet);
  let_module_talk(packet);
}

// The listener names the program: nothing is read any more, and the worker may go on.
void Dialog::leave_the_rest() {
  if (lines_->speaks_telnet()) swallow_telnet_reply();
  request(RunProgram{});
}

// A telnet that was told to show typing again answers; where no line is read any more the answer would reach the program.
void Dialog::swallow_telnet_reply() {
  const Instant patience = Clock::now() + std::chrono::seconds(1);
  while (!lines_->take_telnet_command()) {
    pollfd wait{connection_.get(), POLLIN, 0};
    if (Clock::now() >= patience || ::poll(&wait, 1, milliseconds_until(patience)) <= 0) return;
  }
}

void Dialog::say(std::string_view line) {
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
void Dialog::say_last(std::string_view line) {
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

Secret Dialog::read_line() {
  while (true) {
    switch (lines_->read()) {
      case LineReader::Result::line: return lines_->take();
      case LineReader::Result::more: wait(stream_->awaits()); break;
      case LineReader::Result::bad: throw bad_input();
      case LineReader::Result::ended: throw Leave{};
    }
  }
}

Dialog::Leave Dialog::bad_input() { return {reply_line(Code::bad_input), LoginExit::bad_input}; }

template <std::size_t N>
void Dialog::poll_until_deadline(std::array<pollfd, N>& fds) {
  const int ready = ::poll(fds.data(), N, milliseconds_until(deadline_));
  if (ready < 0 && errno != EINTR) throw_errno("wait for the client");
  if (ready == 0 && Clock::now() >= deadline_) throw Leave{reply_line(Code::too_slow)};
}

void Dialog::wait(short client_events) {
  std::array<pollfd, 2> both{{{connection_.get(), client_events, 0}, {worker_.fd(), POLLIN, 0}}};
  poll_until_deadline(both);
  if (both[1].revents == 0) return;
  Packet packet;
  receive(packet);
  throw ProtocolError("the worker said something out of turn");
}

void Dialog::wait_for_worker(Packet& packet) {
  while (!receive(packet)) {
    std::array<pollfd, 1> one{{{worker_.fd(), POLLIN, 0}}};
    poll_until_deadline(one);
  }
}

bool Dialog::receive(Packet& packet) {
  const Received received = worker_.receive(packet, descriptors_);
  if (received == Received::closed) throw Leave{};
  if (received == Received::packet && packet.kind() == kind_of<Finish>()) {
    const auto finish = packet.as<Finish>();
    throw Leave{finish.text.empty() ? reply_line(finish.code) : reply_line(finish.code, finish.text.str())};
  }
  return received == Received::packet;
}

}  // namespace usher

// The entry of TLS as the login process goes through it: a handshake whose one signature the worker's side makes, then
// the dialog's lines. It is met by bytes that no client would send, or by a real client some of whose bytes are
// changed, doubled, dropped or cut off on their way.
//
// Shape:  flags (1 byte) and the size of pieces (1 byte); then the client's bytes, or, with kRealClient, edits of four
//         bytes each: what is done (1 byte), to which byte of all that the client sends (2 bytes), with which value.
#include <array>
#include <map>

#include "tests/fuzz/client_bytes.h"
#include "tests/support/certificates.h"
#include "tls/client.h"
#include "tls/tls_stream.h"
#include "worker/line_reader.h"
#include "worker/secure_login.h"

using namespace usher;

namespace {

constexpr std::size_t kMaxInput = 4096;
constexpr std::size_t kMostEdits = 16;
constexpr int kMostRounds = 64;

enum Flag : std::uint8_t {
  kRealClient = 1,
  kVersion12 = 2,
  kOtherName = 4,
  kOtherProtocol = 8,
  kCertificate = 16,
};

const testing::Certificates& certificates() {
  static const std::unique_ptr<const testing::Certificates> made = [] {
    auto one = std::make_unique<testing::Certificates>();
    one->server("front", "ec", "front.example");
    one->server("back", "ec", "back.example");
    one->client("alice", "/CN=alice");
    return one;
  }();
  return *made;
}

const tls::Servers& servers() {
  static const tls::Servers made = [] {
    const testing::Certificates& files = certificates();
    Configuration configuration;
    ListenerConfig& listener = configuration.listeners.emplace_back();
    listener.name = "fuzz";
    listener.tls.certificates = {files.path("front.crt"), files.path("back.crt")};
    listener.tls.keys = {files.path("front.key"), files.path("back.key")};
    listener.tls.client_ca = files.path("ca.crt");
    return tls::Servers(configuration);
  }();
  return made;
}

bool is_record(char first) {
  return first >= 0x14 && first <= 0x17;
}

// The login process's side, and what its worker does for it.
class Entry {
 public:
  explicit Entry(int fd) : stream_(servers().of(0)->new_connection(), fd) {}

  // As far as bytes have come. False when the connection is to be ended.
  bool go_on() {
    if (!secured_ && !secure()) return !ended_;
    while (!ended_ && hear_line()) {
    }
    return !ended_;
  }
  const std::optional<Secured>& secured() const noexcept { return secured_; }
  const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  bool secure() {
    if (stream_.shake_hands() != 0) {
      signer_.throw_what_broke_it();
      ended_ = errno != EAGAIN;
      return false;
    }
    secured_ = facts_of(stream_.connection(), CertificateUser::common_name);
    return true;
  }

  bool hear_line() {
    const LineReader::Result result = reader_.read();
    if (result == LineReader::Result::more) return false;
    if (result == LineReader::Result::line) {
      const Secret line = reader_.take();
      lines_.emplace_back(line.bytes().begin(), line.bytes().end());
      return true;
    }
    ended_ = true;
    return false;
  }

  Signature sign(const SignHandshake& wanted) {
    fuzz::demand(++signatures_ == 1, "a client brings about one signature");
    return sign_handshake(wanted, servers(), 0);
  }

  TlsStream stream_;
  HandshakeSigner signer_{[this](const SignHandshake& wanted) { return sign(wanted); }};
  LineReader reader_{stream_, false};
  std::optional<Secured> secured_;
  std::vector<std::string> lines_;
  int signatures_ = 0;
  bool ended_ = false;
};

// ---- bytes of nobody's ----

void meet_bytes(std::string_view bytes, std::size_t piece) {
  fuzz::ClientBytes client(bytes, piece);
  Entry entry(client.fd());
  while (entry.go_on() && client.send_more()) {
  }
  fuzz::demand(!entry.secured(), "without a client of its own no handshake comes to its end");
  const std::string answer = client.answer();
  fuzz::demand(answer.empty() || is_record(answer[0]), "nothing but records of TLS is sent");
}

// ---- a real client ----

tls::Ssl new_client(std::uint8_t flags) {
  const testing::Certificates& files = certificates();
  const char* name = (flags & kOtherName) != 0 ? "back.example" : "front.example";
  tls::Ssl ssl = tls::new_client_connection({name, files.path("ca.crt"), false});
  if ((flags & kVersion12) != 0) SSL_set_max_proto_version(ssl.get(), TLS1_2_VERSION);
  static constexpr std::array<unsigned char, 5> kOther{4, 'h', 't', 't', 'p'};
  if ((flags & kOtherProtocol) != 0) SSL_set_alpn_protos(ssl.get(), kOther.data(), kOther.size());
  if ((flags & kCertificate) != 0) {
    SSL_use_certificate_file(ssl.get(), files.path("alice.crt").c_str(), SSL_FILETYPE_PEM);
    SSL_use_PrivateKey_file(ssl.get(), files.path("alice.key").c_str(), SSL_FILETYPE_PEM);
  }
  return ssl;
}

struct Edit {
  std::uint8_t kind;
  std::uint8_t value;
};

// The way from the client to the server.
class Wire {
 public:
  Wire() = default;  // changes nothing
  explicit Wire(fuzz::Input& edits) {
    for (std::size_t i = 0; i < kMostEdits && !edits.empty(); ++i) {
      const std::uint8_t kind = edits.byte();
      const std::uint32_t place = edits.number(2);
      edits_[place] = {kind, edits.byte()};
    }
  }

  bool honest() const noexcept { return edits_.empty(); }

  void carry(int from, int to) {
    std::array<char, 4096> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
    ssize_t got = 0;
    while ((got = ::recv(from, bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0) {
      const std::string sent = edited({bytes.data(), static_cast<std::size_t>(got)});
      ::send(to, sent.data(), sent.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (cut_) ::shutdown(to, SHUT_WR);
  }

 private:
  std::string edited(std::string_view bytes) {
    std::string result;
    for (const char byte : bytes) {
      const auto edit = edits_.find(place_++);
      if (edit == edits_.end()) {
        result += byte;
      } else {
        apply(edit->second, byte, result);
      }
      if (cut_) break;
    }
    return result;
  }

  void apply(const Edit& edit, char byte, std::string& result) {
    const auto value = static_cast<char>(edit.value);
    switch (edit.kind % 4) {
      case 0: result += value; break;
      case 1: (result += byte) += value; break;
      case 2: break;
      default: cut_ = true;
    }
  }

  std::map<std::uint32_t, Edit> edits_;
  std::uint32_t place_ = 0;
  bool cut_ = false;
};

// The client's line, through both ends.
void meet_client(std::uint8_t flags, Wire to_entry) {
  const auto clients = testing::make_stream_pair();
  const auto entrys = testing::make_stream_pair();
  tls::Connection client(new_client(flags), clients.first.get());
  Entry entry(entrys.first.get());
  Wire to_client;
  bool shaken = false;
  for (int rounds = 0; rounds < kMostRounds; ++rounds) {
    if (!shaken && client.shake_hands() == tls::Did::done) {
      shaken = true;
      client.write("normal\r\n");
    }
    to_entry.carry(clients.second.get(), entrys.second.get());
    if (!entry.go_on() || !entry.lines().empty()) break;
    to_client.carry(entrys.second.get(), clients.second.get());
  }
  const bool welcome = (flags & kOtherProtocol) == 0;
  const bool as_sent = entry.lines().size() == 1 && entry.lines()[0] == "normal";
  fuzz::demand(as_sent || entry.lines().empty(), "a line arrives as it was sent, or not at all");
  fuzz::demand(welcome || !entry.secured(), "another protocol is refused");
  fuzz::demand(!to_entry.honest() || !welcome || as_sent, "a client whom nobody disturbs is heard");
  if (!shaken || !entry.secured()) return;
  fuzz::demand(entry.secured()->version.str() == client.version() && entry.secured()->cipher.str() == client.cipher(),
               "both ends believe the same of the connection");
  fuzz::demand(entry.secured()->user.str() == ((flags & kCertificate) != 0 ? "alice" : ""),
               "a certificate names whom it was made for");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t flags = input.byte();
  const std::size_t piece = 1 + input.byte();
  if ((flags & kRealClient) != 0) {
    meet_client(flags, Wire(input));
  } else {
    meet_bytes(input.bytes(kMaxInput), piece);
  }
  return 0;
}

// Keys as the kernel takes them: from secrets to keys to what setsockopt(2) is given.
#include "tls/traffic_keys.h"

#include <doctest/doctest.h>
#include <linux/tls.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "tls/kernel.h"
#include "tls/record_count.h"

using namespace usher::tls;

namespace {

std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += hex[i] == ' ' ? 1U : 2U) {
    if (hex[i] != ' ') bytes.push_back(static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::vector<std::uint8_t> first(const std::array<std::uint8_t, 32>& key, std::size_t count) {
  return {key.begin(), key.begin() + static_cast<std::ptrdiff_t>(count)};
}

std::vector<std::uint8_t> all(const std::array<std::uint8_t, 12>& iv) {
  return {iv.begin(), iv.end()};
}

DirectionKeys counting() {
  DirectionKeys keys;
  for (std::size_t i = 0; i < keys.key.size(); ++i) keys.key.at(i) = static_cast<std::uint8_t>(100 + i);
  for (std::size_t i = 0; i < keys.iv.size(); ++i) keys.iv.at(i) = static_cast<std::uint8_t>(i);
  keys.sequence = 0x0102030405060708;
  return keys;
}

template <class Layout>
Layout layout_of(Version version, Cipher cipher, const DirectionKeys& keys) {
  const CryptoInfo info(version, cipher, keys);
  Layout layout{};
  REQUIRE(info.bytes().size() == sizeof layout);
  std::memcpy(&layout, info.bytes().data(), sizeof layout);
  return layout;
}

template <std::size_t N>
std::string text_of(const unsigned char (&bytes)[N]) {  // NOLINT: the kernel's arrays
  std::string text;
  for (const unsigned char byte : bytes) text += std::to_string(byte) + " ";
  return text;
}

std::string counted(int from, int count) {
  std::string text;
  for (int i = from; i < from + count; ++i) text += std::to_string(i) + " ";
  return text;
}

}  // namespace

// Source: RFC 8448, 3 (Simple 1-RTT Handshake): application traffic keys.
TEST_CASE("traffic keys: those of TLS 1.3 are those of the RFC's example") {
  const auto server = bytes_of("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
  const DirectionKeys servers = keys_of_secret(server, "SHA256", Cipher::aes_128_gcm);
  CHECK(first(servers.key, 16) == bytes_of("9f02283b6c9c07efc26bb9f2ac92e356"));
  CHECK(all(servers.iv) == bytes_of("cf782b88dd83549aadf1e984"));
  const auto client = bytes_of("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
  const DirectionKeys clients = keys_of_secret(client, "SHA256", Cipher::aes_128_gcm);
  CHECK(first(clients.key, 16) == bytes_of("17422dda596ed5d9acd890e3c63f5051"));
  CHECK(all(clients.iv) == bytes_of("5b78923dee08579033e523d9"));
}

TEST_CASE("traffic keys: the kernel is given key, salt, iv and sequence number in its own order") {
  const auto small = layout_of<tls12_crypto_info_aes_gcm_128>(Version::tls13, Cipher::aes_128_gcm, counting());
  CHECK(small.info.version == TLS_1_3_VERSION);
  CHECK(small.info.cipher_type == TLS_CIPHER_AES_GCM_128);
  CHECK(text_of(small.key) == counted(100, 16));
  CHECK(text_of(small.salt) == counted(0, 4));
  CHECK(text_of(small.iv) == counted(4, 8));
  CHECK(text_of(small.rec_seq) == counted(1, 8));
  const auto big = layout_of<tls12_crypto_info_aes_gcm_256>(Version::tls12, Cipher::aes_256_gcm, counting());
  CHECK(big.info.version == TLS_1_2_VERSION);
  CHECK(big.info.cipher_type == TLS_CIPHER_AES_GCM_256);
  CHECK(text_of(big.key) == counted(100, 32));
  CHECK(text_of(big.salt) == counted(0, 4));
  CHECK(text_of(big.iv) == counted(4, 8));
  CHECK(text_of(big.rec_seq) == counted(1, 8));
  const auto other =
      layout_of<tls12_crypto_info_chacha20_poly1305>(Version::tls13, Cipher::chacha20_poly1305, counting());
  CHECK(other.info.cipher_type == TLS_CIPHER_CHACHA20_POLY1305);
  CHECK(text_of(other.key) == counted(100, 32));
  CHECK(text_of(other.iv) == counted(0, 12));
  CHECK(text_of(other.rec_seq) == counted(1, 8));
}

TEST_CASE("record count: whole records count, however their bytes come") {
  const auto records = bytes_of("17 0303 0003 aabbcc  15 0303 0000  17 0303 000a 00112233445566778899");
  for (std::size_t piece = 1; piece <= records.size(); ++piece) {
    RecordCount count;
    for (std::size_t at = 0; at < records.size(); at += piece) {
      count.pass(std::span(records).subspan(at, std::min(piece, records.size() - at)));
    }
    CHECK(count.count() == 3);
    CHECK(count.is_between_records());
    CHECK(count.opening() == std::array<std::uint8_t, 8>{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77});
  }
  for (std::size_t passed = 1; passed < 8; ++passed) {
    RecordCount count;
    count.pass(std::span(records).first(passed));
    CHECK_FALSE(count.is_between_records());
    CHECK(count.count() == 0);
  }
}

TEST_CASE("record count: it begins anew with other keys") {
  RecordCount count;
  count.pass(bytes_of("16 0303 0001 aa  14 0303 0001 01"));
  CHECK(count.count() == 0);
  count.pass(bytes_of("16 0303 0001 aa"));
  CHECK(count.count() == 1);
  count.restart();
  CHECK(count.count() == 0);
  count.pass(bytes_of("17 0303 0100"));
  count.pass(std::vector<std::uint8_t>(0x100));
  CHECK(count.count() == 1);
}

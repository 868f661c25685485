#include "lines.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace imgfilt {

void Free::operator()(void* p) const {
#if defined(_WIN32)
    _aligned_free(p);
#else
    std::free(p);
#endif
}

namespace {

constexpr int64_t kSlack = 64;      // bytes after a line, so that vector loads may end beyond it
constexpr int64_t kKeep = 8 << 20;  // the largest block that is kept
thread_local Block t_block;

std::unique_ptr<char, Free> allocate(int64_t bytes) {
    const size_t size = static_cast<size_t>(round_up(bytes, kAlign));
#if defined(_WIN32)
    void* p = _aligned_malloc(size, kAlign);
#else
    void* p = std::aligned_alloc(kAlign, size);
#endif
    if (p == nullptr) throw std::bad_alloc();
    return std::unique_ptr<char, Free>(static_cast<char*>(p));
}

template <class T>
void gather(const char* row, int64_t width, int64_t channels, int64_t pixel, int64_t channel, T* out) {
    for (int64_t x = 0; x < width; ++x)
        for (int64_t c = 0; c < channels; ++c) std::memcpy(out++, row + x * pixel + c * channel, sizeof(T));
}
template <class T>
void scatter(const T* in, int64_t width, int64_t channels, int64_t pixel, int64_t channel, char* row) {
    for (int64_t x = 0; x < width; ++x)
        for (int64_t c = 0; c < channels; ++c) std::memcpy(row + x * pixel + c * channel, in++, sizeof(T));
}

}  // namespace

Block take_block(int64_t bytes) {
    Block block = std::move(t_block);
    t_block.bytes = 0;
    if (block.bytes < bytes) {
        block.memory.reset();
        block.memory = allocate(bytes);
        block.bytes = bytes;
    }
    return block;
}
void give_back(Block block) {
    if (block.bytes <= kKeep) t_block = std::move(block);
}

// A line's memory: room for the pad (whole vectors, so that element 0 is aligned), the elements, pad and slack.
int64_t pad_bytes(int pad, int channels, DType dtype) {
    return round_up(int64_t{pad} * channels * kSizeOf[static_cast<int>(dtype)], kAlign);
}
int64_t line_bytes(int pad, int channels, DType dtype, int64_t width) {
    const int64_t body = width * channels * kSizeOf[static_cast<int>(dtype)];
    int64_t bytes = round_up(body + 2 * pad_bytes(pad, channels, dtype) + kSlack, kAlign);
    if (bytes % 4096 == 0) bytes += kAlign;  // lines a page apart would share the same cache sets
    return bytes;
}

bool packed(const View& v) {
    const int64_t size = kSizeOf[static_cast<int>(v.dtype)];
    return (v.channels == 1 || v.channel == size) && (v.width == 1 || v.pixel == size * v.channels);
}

void load_row(const View& v, int64_t y, char* out) {
    const char* row = v.data + y * v.row;
    const int size = kSizeOf[static_cast<int>(v.dtype)];
    if (packed(v)) {
        std::memcpy(out, row, static_cast<size_t>(v.width * v.channels * size));
    } else if (size == 1) {
        gather(row, v.width, v.channels, v.pixel, v.channel, reinterpret_cast<uint8_t*>(out));
    } else if (size == 2) {
        gather(row, v.width, v.channels, v.pixel, v.channel, reinterpret_cast<uint16_t*>(out));
    } else if (size == 4) {
        gather(row, v.width, v.channels, v.pixel, v.channel, reinterpret_cast<uint32_t*>(out));
    } else {
        gather(row, v.width, v.channels, v.pixel, v.channel, reinterpret_cast<uint64_t*>(out));
    }
}
void store_row(const View& v, int64_t y, const char* in) {
    char* row = v.data + y * v.row;
    const int size = kSizeOf[static_cast<int>(v.dtype)];
    if (size == 1) {
        scatter(reinterpret_cast<const uint8_t*>(in), v.width, v.channels, v.pixel, v.channel, row);
    } else if (size == 2) {
        scatter(reinterpret_cast<const uint16_t*>(in), v.width, v.channels, v.pixel, v.channel, row);
    } else if (size == 4) {
        scatter(reinterpret_cast<const uint32_t*>(in), v.width, v.channels, v.pixel, v.channel, row);
    } else {
        scatter(reinterpret_cast<const uint64_t*>(in), v.width, v.channels, v.pixel, v.channel, row);
    }
}

void stream_row(const char* in, char* out, int64_t bytes) {
#if defined(__SSE2__)
    const int64_t head = std::min<int64_t>(bytes, -reinterpret_cast<intptr_t>(out) & (kAlign - 1));
    std::memcpy(out, in, static_cast<size_t>(head));
    int64_t at = head;
    for (; at + kAlign <= bytes; at += kAlign)
        for (int64_t part = 0; part < kAlign; part += 16)
            _mm_stream_si128(reinterpret_cast<__m128i*>(out + at + part),
                             _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at + part)));
    std::memcpy(out + at, in + at, static_cast<size_t>(bytes - at));
#else
    std::memcpy(out, in, static_cast<size_t>(bytes));
#endif
}

}  // namespace imgfilt

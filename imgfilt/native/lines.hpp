// The memory of line buffers, and rows of images with any strides.
#pragma once

#include <cstdint>
#include <memory>

#include "types.hpp"

namespace imgfilt {

constexpr int64_t kAlign = 64;      // bytes: a cache line, and the widest vector
constexpr int64_t kSums = 4 << 10;  // bytes of a piece of a row of sums, made before they are rounded

inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Bytes before element 0 of a line whose readers need `pad` pixels beyond its ends; a multiple of kAlign.
int64_t pad_bytes(int pad, int channels, DType dtype);
// Bytes of such a line of `width` pixels.
int64_t line_bytes(int pad, int channels, DType dtype, int64_t width);

struct Free {
    void operator()(void* p) const;
};
// A thread's memory for line buffers, aligned. Small ones are kept from one run to the next.
struct Block {
    std::unique_ptr<char, Free> memory;
    int64_t bytes = 0;
};
Block take_block(int64_t bytes);
void give_back(Block block);

// Whether each row's elements lie side by side.
bool packed(const View& v);
// Row y of an image to or from contiguous elements.
void load_row(const View& v, int64_t y, char* out);
void store_row(const View& v, int64_t y, const char* in);
// Contiguous bytes past the caches, where the processor can.
void stream_row(const char* in, char* out, int64_t bytes);

}  // namespace imgfilt

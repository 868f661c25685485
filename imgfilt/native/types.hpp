// Element types, and images as strided views. No code: safe to include in every instruction set's files.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imgfilt {

enum class DType : int { u8 = 0, u16 = 1, i16 = 2, i32 = 3, f32 = 4, f64 = 5, i64 = 6 };
constexpr int kDTypes = 7;

// i64 is only an accumulator's type (summed-area tables). Bytes of one element; an array rather than a function so that
// no instruction set exports it.
constexpr int kSizeOf[kDTypes] = {1, 2, 2, 4, 4, 8, 8};

// `doubled` is the reflect101 of an image whose pixels lie a pixel apart, the gaps not among those reflected about:
// reflect101 at the near end, reflect at the far one.
enum class Border : int { reflect101 = 0, reflect = 1, replicate = 2, wrap = 3, constant = 4, doubled = 5 };

// An image in memory: strides in bytes, of rows, pixels and channels.
struct View {
    char* data = nullptr;
    int64_t height = 0, width = 0, channels = 1;
    int64_t row = 0, pixel = 0, channel = 0;
    DType dtype = DType::u8;
};

}  // namespace imgfilt

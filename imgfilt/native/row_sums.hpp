// Sums of equal weights: running sums down the columns, doubling windows along the row.
#pragma once

#include "simd.hpp"

namespace {

template <class In, class Acc>
void slide(const In* __restrict enter, const In* __restrict leave, Acc* __restrict sum, int64_t n) {
    for (int64_t x = 0; x < n; ++x)
        sum[x] = static_cast<Acc>(static_cast<uint32_t>(sum[x]) + static_cast<uint32_t>(enter[x]) -
                                  static_cast<uint32_t>(leave[x]));
}

// Windows of 1, 2, 4, ... elements by doubling; the binary digits of `size` say which of them make up the
// window, from its far end to its near one. About log2(size) + (ones in size) additions an element, each sum
// in an order that depends on nothing but `size`; no element is ever subtracted, so a NaN stays where it is.
template <class T>
void add_shifted(const T* __restrict a, const T* __restrict b, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) out[x] = static_cast<T>(a[x] + b[x]);
}
template <class T>
void add_to(const T* __restrict a, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) out[x] = static_cast<T>(out[x] + a[x]);
}

template <class T>
void window(const T* in, int size, int step, T* scratch, T* out, int64_t n) {
    const int64_t room = n + static_cast<int64_t>(size) * step;
    T* level[2] = {scratch, scratch + room};
    const T* current = in;  // windows of `length` elements, starting at each x
    int64_t valid = n + static_cast<int64_t>(size - 1) * step;
    int64_t placed = 0;  // elements of the window that `out` already holds
    bool first = true;
    int next = 0;
    for (int length = 1;; length *= 2) {
        if (size & length) {
            const T* part = current + placed * step;
            if (first)
                for (int64_t x = 0; x < n; ++x) out[x] = part[x];
            else
                add_to(part, out, n);
            first = false;
            placed += length;
        }
        if (placed == size) return;
        valid -= static_cast<int64_t>(length) * step;
        add_shifted(current, current + static_cast<int64_t>(length) * step, level[next], valid);
        current = level[next];
        next ^= 1;
    }
}

void slide_u8_i32(const uint8_t* enter, const uint8_t* leave, int32_t* sum, int64_t n) { slide(enter, leave, sum, n); }
void slide_u16_i32(const uint16_t* enter, const uint16_t* leave, int32_t* sum, int64_t n) {
    slide(enter, leave, sum, n);
}
void slide_i16_i32(const int16_t* enter, const int16_t* leave, int32_t* sum, int64_t n) { slide(enter, leave, sum, n); }
void slide_u8_u16(const uint8_t* enter, const uint8_t* leave, uint16_t* sum, int64_t n) { slide(enter, leave, sum, n); }
void window_i32(const int32_t* in, int size, int step, int32_t* scratch, int32_t* out, int64_t n) {
    window(reinterpret_cast<const uint32_t*>(in), size, step, reinterpret_cast<uint32_t*>(scratch),
           reinterpret_cast<uint32_t*>(out), n);
}

}  // namespace

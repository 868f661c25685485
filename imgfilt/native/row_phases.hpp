// Rows taken apart into phases (every size-th pixel) and put together from them.
#pragma once

#include "row_taps.hpp"
#include "simd.hpp"

namespace {

// GCC makes one or a few instructions of a permutation of two registers that is known only when it runs. 8-bit
// elements have a fast one in 128 bits alone.
#if defined(__GNUC__) && !defined(__clang__)
#define IMGFILT_SHUFFLE 1
#endif

template <class T>
struct ShuffleOf {
#if defined(__AVX512BW__)
    static constexpr int bytes = sizeof(T) == 1 ? 16 : 64;
#else
    static constexpr int bytes = sizeof(T) >= 4 ? kVectorBytes : 16;
#endif
    static constexpr int lanes = bytes / static_cast<int>(sizeof(T));
    typedef T type __attribute__((vector_size(bytes)));
};

// The same bits as unsigned integers: moving elements does not look at them.
template <class T, int C>
void decimate_pixels(const T* in, int64_t stride, T* out, int64_t n) {
    for (int64_t q = 0; q < n; ++q)
        for (int c = 0; c < C; ++c) out[q * C + c] = in[q * stride + c];
}
template <class T>
void decimate_plain(const T* in, int64_t stride, int channels, T* out, int64_t n) {
    switch (channels) {
        case 1: return decimate_pixels<T, 1>(in, stride, out, n);
        case 2: return decimate_pixels<T, 2>(in, stride, out, n);
        case 3: return decimate_pixels<T, 3>(in, stride, out, n);
        case 4: return decimate_pixels<T, 4>(in, stride, out, n);
    }
    for (int64_t q = 0; q < n; ++q)
        std::memcpy(out + q * channels, in + q * stride, static_cast<size_t>(channels) * sizeof(T));
}

// out's pixel q = in's pixel q * size. Up to one register beyond the last pixel is read, nothing beyond is written.
template <class T>
void decimate(const void* from, int size, int channels, void* to, int64_t n) {
    const T* in = static_cast<const T*>(from);
    T* out = static_cast<T*>(to);
    const int64_t stride = int64_t{size} * channels;
#if defined(IMGFILT_SHUFFLE)
    typedef typename ShuffleOf<T>::type V;
    constexpr int lanes = ShuffleOf<T>::lanes;
    // Pixels whose sources lie in two registers, and whose targets fill no more than one.
    const int64_t reach = (2 * lanes - channels) / stride + 1, room = lanes / channels;
    const int64_t step = reach < room ? reach : room;
    const int64_t beyond = 2 * lanes - ((step - 1) * stride + channels);
    if (2 * step >= room && n >= step && beyond <= lanes) {
        V index = {};
        for (int64_t l = 0; l < step * channels; ++l) index[l] = static_cast<T>(l / channels * stride + l % channels);
        auto at = [&](int64_t q) {
            return __builtin_shuffle(load<V>(in + q * stride), load<V>(in + q * stride + lanes), index);
        };
        auto some = [&](int64_t q) {
            const V v = at(q);
            std::memcpy(out + q * channels, &v, static_cast<size_t>(step * channels) * sizeof(T));
        };
        int64_t q = 0;
        for (; q * channels + lanes <= n * channels && q + step <= n; q += step) store(out + q * channels, at(q));
        for (; q + step < n; q += step) some(q);
        if (q < n) some(n - step);
        return;
    }
#endif
    decimate_plain(in, stride, channels, out, n);
}

template <class T>
void interleave_plain(const T* const* in, int size, int channels, T* out, int64_t first, int64_t n) {
    for (int64_t x = first; x < n; ++x) {
        const T* pixel = in[x % size] + x / size * channels;
        for (int c = 0; c < channels; ++c) out[x * channels + c] = pixel[c];
    }
}

// Two lines of single 8-bit elements: one is widened, the other put into the upper halves.
inline int64_t zip_u8(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n) {
    constexpr int lanes = VectorOf<uint16_t>::lanes;
    int64_t x = 0;
    for (; x + 2 * lanes <= n; x += 2 * lanes) {
        const Vec<uint16_t> low = load_as<uint8_t, uint16_t>(a + x / 2), high = load_as<uint8_t, uint16_t>(b + x / 2);
        store(out + x, low | high << 8);
    }
    return x;
}

// out's pixel x = pixel x / size of in[x % size]. Up to a register beyond an input's last pixel is read.
template <class T>
void interleave(const void* const* from, int size, int channels, void* to, int64_t n) {
    const T* const* in = reinterpret_cast<const T* const*>(from);
    T* out = static_cast<T*>(to);
    if constexpr (sizeof(T) == 1)
        if (size == 2 && channels == 1) return interleave_plain(in, size, 1, out, zip_u8(in[0], in[1], out, n), n);
#if defined(IMGFILT_SHUFFLE)
    typedef typename ShuffleOf<T>::type V;
    constexpr int lanes = ShuffleOf<T>::lanes, kMost = 8;
    const int64_t group = int64_t{size} * channels, step = lanes / group * size;  // pixels of output at a time
    if (step > 0 && size > 1 && size <= kMost && n >= step) {
        V index[kMost - 1];
        for (int r = 1; r < size; ++r)
            for (int64_t l = 0; l < lanes; ++l) {
                const int64_t pixel = l / channels, own = pixel / size * channels + l % channels;
                const bool placed = pixel % size < r && r > 1;  // by an earlier permutation
                index[r - 1][l] = static_cast<T>(placed ? l : pixel % size == r ? lanes + own : own);
            }
        int64_t x = 0;
        for (; x * channels + lanes <= n * channels; x += step) {
            const int64_t at = x / size * channels;
            V v = load<V>(in[0] + at);
            for (int r = 1; r < size; ++r) v = __builtin_shuffle(v, load<V>(in[r] + at), index[r - 1]);
            store(out + x * channels, v);
        }
        return interleave_plain(in, size, channels, out, x, n);
    }
#endif
    interleave_plain(in, size, channels, out, 0, n);
}

}  // namespace

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

constexpr int kMostPhases = 8;

// Where elements go, for a number of phases and channels; kept, as making them takes as long as a short row.
template <class T>
struct Places {
    int size, channels;
    T at[kMostPhases][64 / sizeof(T)];

    bool are_new(int new_size, int new_channels) {
        const bool other = size != new_size || channels != new_channels;
        size = new_size;
        channels = new_channels;
        return other;
    }
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
        static thread_local Places<T> places;
        if (places.are_new(size, channels))
            for (int64_t p = 0, l = 0; p < step; ++p)
                for (int c = 0; c < channels; ++c) places.at[0][l++] = static_cast<T>(p * stride + c);
        const V index = load<V>(places.at[0]);
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

// Pixels first .. n - 1; `first` is a multiple of `size`.
template <class T>
void interleave_plain(const T* const* in, int size, int channels, T* out, int64_t first, int64_t n) {
    for (int64_t x = first, at = first / size * channels; x < n; at += channels)
        for (int r = 0; r < size && x < n; ++r, ++x)
            for (int c = 0; c < channels; ++c) out[x * channels + c] = in[r][at + c];
}

// Runs `vector`(x), which gives `step` pixels of output from x on, a multiple of `size`, and perhaps other elements
// after them that still fit one register; the last ones overlap those before.
template <class T, class V, class Make>
void interleave_by(const T* const* in, int size, int channels, int64_t step, T* out, int64_t n, const Make& vector) {
    constexpr int64_t lanes = sizeof(V) / sizeof(T);
    int64_t x = 0;
    for (; x * channels + lanes <= n * channels && x + step <= n; x += step) store(out + x * channels, vector(x));
    while (x + size <= n) {
        if (x + step > n) x = (n - step) / size * size;
        const V v = vector(x);
        std::memcpy(out + x * channels, &v, static_cast<size_t>(step * channels) * sizeof(T));
        x += step;
    }
    interleave_plain(in, size, channels, out, x, n);
}

#if defined(__AVX512BW__)
#define IMGFILT_ZIP 1
inline Vec<uint8_t> permute32(Vec<uint8_t> v, Vec<uint8_t> index) {
    return (Vec<uint8_t>)_mm512_permutexvar_epi32((__m512i)index, (__m512i)v);
}
inline Vec<uint8_t> permute_in_lanes(Vec<uint8_t> v, Vec<uint8_t> index) {
    return (Vec<uint8_t>)_mm512_shuffle_epi8((__m512i)v, (__m512i)index);
}
#elif defined(__AVX2__)
#define IMGFILT_ZIP 1
inline Vec<uint8_t> permute32(Vec<uint8_t> v, Vec<uint8_t> index) {
    return (Vec<uint8_t>)_mm256_permutevar8x32_epi32((__m256i)v, (__m256i)index);
}
inline Vec<uint8_t> permute_in_lanes(Vec<uint8_t> v, Vec<uint8_t> index) {
    return (Vec<uint8_t>)_mm256_shuffle_epi8((__m256i)v, (__m256i)index);
}
#endif

#if defined(IMGFILT_ZIP)
// Two lines of pixels of up to 4 bytes, 6 or 8: words are brought to the 128 bits where they are wanted, and their
// bytes put into place there, those of the other line being 0.
void zip_bytes(const uint8_t* const* in, int channels, uint8_t* out, int64_t n) {
    constexpr int lanes = kVectorBytes;
    const int64_t step = lanes / (2 * channels) * 2;  // pixels of output at a time
    static thread_local Places<uint8_t> places;
    static thread_local uint32_t words[lanes / 4];
    if (places.are_new(2, channels)) {
        std::memset(places.at, 0x80, sizeof places.at);
        for (int64_t x = 0, l = 0, first = 0; x < step; ++x)
            for (int c = 0; c < channels; ++c, ++l) {
                const int64_t own = x / 2 * channels + c;
                if (l % 16 == 0) {  // the first pixel here; 16 bytes of output need no more than 16 of a line
                    first = x / 2 * channels / 4;
                    for (int64_t w = 0; w < 4; ++w) words[l / 4 + w] = static_cast<uint32_t>(first + w);
                }
                places.at[x % 2][l] = static_cast<uint8_t>(own - 4 * first);
            }
    }
    Vec<uint8_t> index;
    std::memcpy(&index, words, sizeof index);
    const auto from_a = load<Vec<uint8_t>>(places.at[0]), from_b = load<Vec<uint8_t>>(places.at[1]);
    interleave_by<uint8_t, Vec<uint8_t>>(in, 2, channels, step, out, n, [&](int64_t x) {
        const int64_t at = x / 2 * channels;
        return permute_in_lanes(permute32(load<Vec<uint8_t>>(in[0] + at), index), from_a) |
               permute_in_lanes(permute32(load<Vec<uint8_t>>(in[1] + at), index), from_b);
    });
}
#endif

// out's pixel x = pixel x / size of in[x % size]. Up to a register beyond an input's last pixel is read.
template <class T>
void interleave(const void* const* from, int size, int channels, void* to, int64_t n) {
    const T* const* in = reinterpret_cast<const T* const*>(from);
    T* out = static_cast<T*>(to);
    if constexpr (sizeof(T) == 1)
        if (size == 2 && channels == 1 && n >= kVectorBytes) {  // one is widened, the other put into its upper halves
            return interleave_by<T, Vec<uint16_t>>(in, 2, 1, kVectorBytes, out, n, [&](int64_t x) {
                return load_as<uint8_t, uint16_t>(in[0] + x / 2) | load_as<uint8_t, uint16_t>(in[1] + x / 2) << 8;
            });
        }
#if defined(IMGFILT_ZIP)
    if constexpr (sizeof(T) == 1)
        if (size == 2 && channels <= 4 && n * channels >= kVectorBytes) return zip_bytes(in, channels, out, n);
    if constexpr (sizeof(T) == 2 && kVectorBytes < 64)  // where no instruction permutes the words of two registers
        if (size == 2 && channels <= 4 && 2 * n * channels >= kVectorBytes)
            return zip_bytes(reinterpret_cast<const uint8_t* const*>(in), 2 * channels, reinterpret_cast<uint8_t*>(out),
                             n);
#endif
#if defined(IMGFILT_SHUFFLE)
    typedef typename ShuffleOf<T>::type V;
    constexpr int lanes = ShuffleOf<T>::lanes;
    const int64_t step = lanes / (int64_t{size} * channels) * size;  // pixels of output at a time
    if (step > 0 && size > 1 && size <= kMostPhases && n >= step) {
        V index[kMostPhases - 1];
        static thread_local Places<T> places;
        if (places.are_new(size, channels))
            for (int r = 1; r < size; ++r)
                for (int64_t own = 0, l = 0; l < step * channels; own += channels)
                    for (int phase = 0; phase < size; ++phase)
                        for (int c = 0; c < channels; ++c, ++l) {
                            const bool placed = phase < r && r > 1;  // by an earlier permutation
                            places.at[r - 1][l] = static_cast<T>(placed ? l : own + c + (phase == r ? lanes : 0));
                        }
        for (int r = 1; r < size; ++r) index[r - 1] = load<V>(places.at[r - 1]);
        return interleave_by<T, V>(in, size, channels, step, out, n, [&](int64_t x) {
            const int64_t at = x / size * channels;
            V v = load<V>(in[0] + at);
            for (int r = 1; r < size; ++r) v = __builtin_shuffle(v, load<V>(in[r] + at), index[r - 1]);
            return v;
        });
    }
#endif
    interleave_plain(in, size, channels, out, 0, n);
}

}  // namespace

// Medians of large windows, a tile at a time. Compiled once per instruction set.
#pragma once

#include "area_kernels.hpp"
#include "simd.hpp"

namespace {

using imgfilt::Tile;

constexpr int kOverrun = 320;  // elements that shifted sums may read past a tile's end

// 8-bit sums saturate: they are only ever compared with a smaller limit.
template <class S>
inline Vec<S> add(Vec<S> a, Vec<S> b) {
    if constexpr (sizeof(S) == 2) {
        return a + b;
    } else {
#if defined(__AVX512BW__)
        return (Vec<S>)_mm512_adds_epu8((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
        return (Vec<S>)_mm256_adds_epu8((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
        return (Vec<S>)_mm_adds_epu8((__m128i)a, (__m128i)b);
#else
        const Vec<S> sum = a + b;
        return sum | (Vec<S>)(sum < a);
#endif
    }
}

// All ones where v <= highest.
inline Vec<uint8_t> below(Vec<uint8_t> v, Vec<uint8_t> highest) {
    return (Vec<uint8_t>)((v < highest ? v : highest) == v);
}

inline bool any(Vec<uint8_t> v) {
    uint64_t words[kVectorBytes / 8];
    __builtin_memcpy(words, &v, sizeof v);
    uint64_t all = 0;
    for (uint64_t word : words) all |= word;
    return all != 0;
}

template <class S>
struct Sums {
    S *one, *two, *total;
};

// Sums over `size` columns at each place, from sums of 1, 2, 4, .. columns; all rows of the tile are one line.
// `one` holds the columns' counts and is destroyed.
template <class S>
inline const S* window_sums(const Sums<S>& s, int size, int n) {
    typedef Vec<S> V;
    constexpr int lanes = VectorOf<S>::lanes;
    S *from = s.one, *to = s.two;
    const S* total = nullptr;
    int offset = 0;
    for (int width = 1;; width *= 2) {
        const bool last = width * 2 > size;
        if (size & width) {
            if (total == nullptr && !last) {
                // The first term is the columns themselves: keep them and go on in the other two buffers.
                for (int i = 0; i < n; i += lanes) store(s.total + i, load<V>(from + i));
                total = s.total;
            } else if (total == nullptr) {
                return from;
            } else {
                for (int i = 0; i < n; i += lanes)
                    store(s.total + i, add<S>(load<V>(s.total + i), load<V>(from + offset + i)));
            }
            offset += width;
        }
        if (last) return s.total;
        for (int i = 0; i < n; i += lanes) store(to + i, add<S>(load<V>(from + i), load<V>(from + width + i)));
        S* swap = from;
        from = to;
        to = swap;
    }
}

inline void store_wide(uint16_t* out, Vec<uint8_t> v) {
#if defined(__AVX512BW__)
    const __m512i low = _mm512_cvtepu8_epi16(_mm512_castsi512_si256((__m512i)v));
    const __m512i high = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64((__m512i)v, 1));
#elif defined(__AVX2__)
    const __m256i low = _mm256_cvtepu8_epi16(_mm256_castsi256_si128((__m256i)v));
    const __m256i high = _mm256_cvtepu8_epi16(_mm256_extracti128_si256((__m256i)v, 1));
#elif defined(__SSE2__)
    const __m128i low = _mm_unpacklo_epi8((__m128i)v, _mm_setzero_si128());
    const __m128i high = _mm_unpackhi_epi8((__m128i)v, _mm_setzero_si128());
#else
    Vec<uint16_t> low, high;
    for (int i = 0; i < kVectorBytes / 2; ++i) low[i] = v[i], high[i] = v[i + kVectorBytes / 2];
#endif
    store(out, low);
    store(out + kVectorBytes / 2, high);
}

#if !defined(__AVX512BW__)
// All ones in bytes i where total[i] <= limit.
inline Vec<uint8_t> at_most(const uint8_t* total, int limit) {
    return below(load<Vec<uint8_t>>(total), Vec<uint8_t>{} + static_cast<uint8_t>(limit));
}
inline Vec<uint8_t> at_most(const uint16_t* total, int limit) {
    const Vec<uint16_t> limits = Vec<uint16_t>{} + static_cast<uint16_t>(limit);
    const Vec<uint16_t> a = load<Vec<uint16_t>>(total), b = load<Vec<uint16_t>>(total + kVectorBytes / 2);
    const auto low = (a < limits ? a : limits) == a, high = (b < limits ? b : limits) == b;
#if defined(__AVX2__)
    return (Vec<uint8_t>)_mm256_permute4x64_epi64(_mm256_packs_epi16((__m256i)low, (__m256i)high), 0xD8);
#elif defined(__SSE2__)
    return (Vec<uint8_t>)_mm_packs_epi16((__m128i)low, (__m128i)high);
#else
    Vec<uint8_t> r;
    for (int i = 0; i < kVectorBytes / 2; ++i) r[i] = low[i] & 255, r[i + kVectorBytes / 2] = high[i] & 255;
    return r;
#endif
}
#endif

// How many of the `size` elements of each column, from each row of the tile on, lie below `threshold`.
template <class S>
inline void count_columns(const uint8_t* region, const Tile& tile, int threshold, S* out) {
    typedef Vec<uint8_t> V;
    constexpr int lanes = VectorOf<uint8_t>::lanes;
    const V highest = V{} + static_cast<uint8_t>(threshold - 1);
    const int64_t pitch = tile.pitch;
    for (int x = 0; x < tile.pitch; x += lanes) {
        const uint8_t* column = region + x;
        V count = {};
        for (int y = 0; y < tile.size; ++y) count -= below(load<V>(column + y * pitch), highest);
        for (int y = 0;; ++y) {
            if constexpr (sizeof(S) == 1) {
                store(out + y * pitch + x, count);
            } else {
                store_wide(out + y * pitch + x, count);
            }
            if (y + 1 == tile.rows) break;
            count += below(load<V>(column + y * pitch), highest);
            count -= below(load<V>(column + (y + tile.size) * pitch), highest);
        }
    }
}

// cur[i] += width where cur[i] == low and at most `half` of the window's elements are below low + width.
// Returns bit 0: some stayed; bit 1: some moved.
template <class S>
inline int descend(uint8_t* cur, const S* total, int half, int low, int width, int n) {
#if defined(__AVX512BW__)
    const __m512i lows = _mm512_set1_epi8(static_cast<char>(low)), step = _mm512_set1_epi8(static_cast<char>(width));
    uint64_t stayed = 0, moved = 0;
    for (int i = 0; i < n; i += 64) {
        const __m512i c = _mm512_loadu_si512(cur + i);
        const __mmask64 here = _mm512_cmpeq_epi8_mask(c, lows);
        __mmask64 few;
        if constexpr (sizeof(S) == 1) {
            few = _mm512_mask_cmple_epu8_mask(here, _mm512_loadu_si512(total + i),
                                              _mm512_set1_epi8(static_cast<char>(half)));
        } else {
            const __m512i limit = _mm512_set1_epi16(static_cast<int16_t>(half));
            const uint64_t a = _mm512_cmple_epu16_mask(_mm512_loadu_si512(total + i), limit);
            const uint64_t b = _mm512_cmple_epu16_mask(_mm512_loadu_si512(total + i + 32), limit);
            few = here & (a | b << 32);
        }
        _mm512_storeu_si512(cur + i, _mm512_mask_add_epi8(c, few, c, step));
        stayed |= here & ~few;
        moved |= few;
    }
    return (stayed != 0) | (moved != 0) << 1;
#else
    typedef Vec<uint8_t> V;
    constexpr int lanes = VectorOf<uint8_t>::lanes;
    const V lows = V{} + static_cast<uint8_t>(low), step = V{} + static_cast<uint8_t>(width);
    V stayed = {}, moved = {};
    for (int i = 0; i < n; i += lanes) {
        const V c = load<V>(cur + i);
        const V here = (V)(c == lows);
        const V few = at_most(total + i, half) & here;
        store(cur + i, c + (few & step));
        stayed |= here & ~few;
        moved |= few;
    }
    return any(stayed) | any(moved) << 1;
#endif
}

// The median of each window is found bit by bit: all windows of the tile that share the bits found so far are
// asked together how many of their elements lie below the next bit's threshold. That count is a box sum, a few
// vector additions for many windows at once; and windows near each other have few different medians, so that
// few of the 256 thresholds are ever asked for.
template <class S>
inline void tile_median(const uint8_t* region, const Tile& tile, uint8_t* cur, void* scratch) {
    const int n = tile.rows * tile.pitch, half = tile.size * tile.size / 2;
    S* memory = static_cast<S*>(scratch);
    const Sums<S> sums = {memory, memory + n + kOverrun, memory + 2 * (n + kOverrun)};
    // Lanes that are no window hold 255, which is no node of the tree.
    for (int y = 0; y < tile.rows; ++y)
        for (int x = 0; x < tile.pitch; ++x) cur[y * tile.pitch + x] = x < tile.cols ? 0 : 255;
    bool present[256] = {true};
    for (int width = 128; width > 0; width /= 2)
        for (int low = 0; low < 256; low += 2 * width) {
            if (!present[low]) continue;
            count_columns<S>(region, tile, low + width, sums.one);
            const int found = descend<S>(cur, window_sums<S>(sums, tile.size, n), half, low, width, n);
            present[low] = found & 1;
            present[low + width] = found >> 1;
        }
}

void tile_median_u8(const uint8_t* region, const Tile& tile, uint8_t* out, void* scratch) {
    if (tile.size * tile.size / 2 < 255)
        tile_median<uint8_t>(region, tile, out, scratch);
    else
        tile_median<uint16_t>(region, tile, out, scratch);
}

// Huang's sliding median over ranks: a window is a set of bits, `below` how many of its elements lie below
// word `at`. The path through the tile turns at each row's end, so that the set is filled only once.
void tile_median_rank(const uint32_t* region, const Tile& tile, uint32_t* out, uint64_t* bits) {
    const int size = tile.size, half = size * size / 2;
    const int64_t pitch = tile.pitch;
    uint32_t at = 0;
    int below = 0;
    const auto add = [&](uint32_t rank) {
        bits[rank >> 6] ^= uint64_t(1) << (rank & 63);
        below += (rank >> 6) < at;
    };
    const auto remove = [&](uint32_t rank) {
        bits[rank >> 6] ^= uint64_t(1) << (rank & 63);
        below -= (rank >> 6) < at;
    };
    const auto median = [&] {
        while (below > half) below -= __builtin_popcountll(bits[--at]);
        for (int count; below + (count = __builtin_popcountll(bits[at])) <= half; ++at) below += count;
        uint64_t word = bits[at];
        for (int i = below; i < half; ++i) word &= word - 1;
        return at * 64 + static_cast<uint32_t>(__builtin_ctzll(word));
    };
    for (int y = 0; y < size; ++y)
        for (int x = 0; x < size; ++x) add(region[y * pitch + x]);
    for (int y = 0, x = 0;; ++y) {
        const bool right = (y & 1) == 0;
        const int64_t row = static_cast<int64_t>(y) * tile.cols;
        out[row + x] = median();
        for (int i = 1; i < tile.cols; ++i) {
            const uint32_t* top = region + y * pitch + x;
            if (right) {
                for (int j = 0; j < size; ++j) {
                    remove(top[j * pitch]);
                    add(top[j * pitch + size]);
                }
                ++x;
            } else {
                for (int j = 0; j < size; ++j) {
                    remove(top[j * pitch + size - 1]);
                    add(top[j * pitch - 1]);
                }
                --x;
            }
            out[row + x] = median();
        }
        if (y + 1 == tile.rows) break;
        const uint32_t* top = region + y * pitch + x;
        for (int j = 0; j < size; ++j) {
            remove(top[j]);
            add(top[size * pitch + j]);
        }
    }
}

}  // namespace

// Medians of large windows, a tile at a time. Compiled once per instruction set.
#pragma once

#include "area_kernels.hpp"
#include "simd.hpp"

namespace {

using imgfilt::Tile;

constexpr int kOverrun = 320;  // bytes that shifted sums may read past a tile's end
constexpr int kFront = 64;     // bytes before each row of counts

// 8-bit sums saturate: they are only ever compared with a smaller limit.
inline Vec<uint8_t> add(Vec<uint8_t> a, Vec<uint8_t> b) {
#if defined(__AVX512BW__)
    return (Vec<uint8_t>)_mm512_adds_epu8((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (Vec<uint8_t>)_mm256_adds_epu8((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (Vec<uint8_t>)_mm_adds_epu8((__m128i)a, (__m128i)b);
#else
    const Vec<uint8_t> sum = a + b;
    return sum | (Vec<uint8_t>)(sum < a);
#endif
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

struct Sums {
    uint8_t *one, *two, *total;
};

// Sums over `size` columns at each place, from sums of 1, 2, 4, .. columns; all rows of the tile are one line.
// `one` holds the columns' counts and is destroyed.
inline const uint8_t* window_sums(const Sums& s, int size, int n) {
    typedef Vec<uint8_t> V;
    constexpr int lanes = VectorOf<uint8_t>::lanes;
    uint8_t *from = s.one, *to = s.two;
    const uint8_t* total = nullptr;
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
                    store(s.total + i, add(load<V>(s.total + i), load<V>(from + offset + i)));
            }
            offset += width;
        }
        if (last) return s.total;
        for (int i = 0; i < n; i += lanes) store(to + i, add(load<V>(from + i), load<V>(from + width + i)));
        uint8_t* swap = from;
        from = to;
        to = swap;
    }
}

// How many of the `size` elements of each column, from each row of the tile on, lie below `threshold`.
inline void count_columns(const uint8_t* region, const Tile& tile, int threshold, uint8_t* out) {
    typedef Vec<uint8_t> V;
    constexpr int lanes = VectorOf<uint8_t>::lanes;
    const V highest = V{} + static_cast<uint8_t>(threshold - 1);
    const int64_t pitch = tile.pitch;
    for (int x = 0; x < tile.pitch; x += lanes) {
        const uint8_t* column = region + x;
        V count = {};
        for (int y = 0; y < tile.size; ++y) count -= below(load<V>(column + y * pitch), highest);
        for (int y = 0;; ++y) {
            store(out + y * pitch + x, count);
            if (y + 1 == tile.rows) break;
            count += below(load<V>(column + y * pitch), highest);
            count -= below(load<V>(column + (y + tile.size) * pitch), highest);
        }
    }
}

struct Node {
    int low, width;
};

// cur[i] += width where cur[i] == low and at most `half` of the window's elements are below low + width.
// Returns bit 0: some stayed; bit 1: some moved.
inline int descend(uint8_t* cur, const uint8_t* total, int half, Node node, int n) {
#if defined(__AVX512BW__)
    const __m512i low = _mm512_set1_epi8(static_cast<char>(node.low));
    const __m512i width = _mm512_set1_epi8(static_cast<char>(node.width));
    const __m512i limit = _mm512_set1_epi8(static_cast<char>(half));
    uint64_t stayed = 0, moved = 0;
    for (int i = 0; i < n; i += 64) {
        const __m512i c = _mm512_loadu_si512(cur + i);
        const __mmask64 here = _mm512_cmpeq_epi8_mask(c, low);
        const __mmask64 few = _mm512_mask_cmple_epu8_mask(here, _mm512_loadu_si512(total + i), limit);
        _mm512_storeu_si512(cur + i, _mm512_mask_add_epi8(c, few, c, width));
        stayed |= here & ~few;
        moved |= few;
    }
    return (stayed != 0) | (moved != 0) << 1;
#else
    typedef Vec<uint8_t> V;
    constexpr int lanes = VectorOf<uint8_t>::lanes;
    const V low = V{} + static_cast<uint8_t>(node.low), width = V{} + static_cast<uint8_t>(node.width);
    const V limit = V{} + static_cast<uint8_t>(half);
    V stayed = {}, moved = {};
    for (int i = 0; i < n; i += lanes) {
        const V c = load<V>(cur + i);
        const V here = (V)(c == low);
        const V few = below(load<V>(total + i), limit) & here;
        store(cur + i, c + (few & width));
        stayed |= here & ~few;
        moved |= few;
    }
    return any(stayed) | any(moved) << 1;
#endif
}

// How many elements of a row, from its begin to each one, lie below `threshold` > 0. Counts wrap.
#if defined(__AVX512BW__)
inline void count_along(const uint8_t* in, int threshold, int n, uint8_t* out) {
    const __m512i limit = _mm512_set1_epi8(static_cast<char>(threshold)), last = _mm512_set1_epi8(15);
    uint64_t before = 0;
    for (int x = 0; x < n; x += 64) {
        const __mmask64 below = _mm512_cmplt_epu8_mask(_mm512_loadu_si512(in + x), limit);
        __m512i v = _mm512_maskz_set1_epi8(below, 1);
        v = _mm512_add_epi8(v, _mm512_bslli_epi128(v, 1));
        v = _mm512_add_epi8(v, _mm512_bslli_epi128(v, 2));
        v = _mm512_add_epi8(v, _mm512_bslli_epi128(v, 4));
        v = _mm512_add_epi8(v, _mm512_bslli_epi128(v, 8));
        const __m512i ends = _mm512_shuffle_epi8(v, last);  // each lane's count; then the sum of those before
        const __m512i one = _mm512_maskz_shuffle_i64x2(0xfc, ends, ends, _MM_SHUFFLE(2, 1, 0, 0));
        const __m512i two = _mm512_add_epi8(one, _mm512_maskz_shuffle_i64x2(0xfc, one, one, _MM_SHUFFLE(2, 1, 0, 0)));
        const __m512i all = _mm512_add_epi8(two, _mm512_maskz_shuffle_i64x2(0xf0, two, two, _MM_SHUFFLE(1, 0, 0, 0)));
        const __m512i start = _mm512_set1_epi8(static_cast<char>(before));
        _mm512_storeu_si512(out + x, _mm512_add_epi8(_mm512_add_epi8(v, start), all));
        before += static_cast<uint64_t>(__builtin_popcountll(below));
    }
}
#elif defined(__AVX2__)
inline void count_along(const uint8_t* in, int threshold, int n, uint8_t* out) {
    const __m256i highest = _mm256_set1_epi8(static_cast<char>(threshold - 1)), last = _mm256_set1_epi8(15);
    int before = 0;
    for (int x = 0; x < n; x += 32) {
        const __m256i in_x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + x));
        const __m256i below = _mm256_cmpeq_epi8(_mm256_min_epu8(in_x, highest), in_x);
        __m256i v = _mm256_add_epi8(below, _mm256_bslli_epi128(below, 1));  // all counts negative
        v = _mm256_add_epi8(v, _mm256_bslli_epi128(v, 2));
        v = _mm256_add_epi8(v, _mm256_bslli_epi128(v, 4));
        v = _mm256_add_epi8(v, _mm256_bslli_epi128(v, 8));
        const __m256i ends = _mm256_shuffle_epi8(v, last);
        v = _mm256_add_epi8(v, _mm256_permute2x128_si256(ends, ends, 0x08));
        const __m256i start = _mm256_set1_epi8(static_cast<char>(before));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x), _mm256_sub_epi8(start, v));
        before += __builtin_popcount(static_cast<uint32_t>(_mm256_movemask_epi8(below)));
    }
}
#elif defined(__SSE2__)
inline void count_along(const uint8_t* in, int threshold, int n, uint8_t* out) {
    const __m128i highest = _mm_set1_epi8(static_cast<char>(threshold - 1));
    int before = 0;
    for (int x = 0; x < n; x += 16) {
        const __m128i in_x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + x));
        const __m128i below = _mm_cmpeq_epi8(_mm_min_epu8(in_x, highest), in_x);
        __m128i v = _mm_add_epi8(below, _mm_bslli_si128(below, 1));  // all counts negative
        v = _mm_add_epi8(v, _mm_bslli_si128(v, 2));
        v = _mm_add_epi8(v, _mm_bslli_si128(v, 4));
        v = _mm_add_epi8(v, _mm_bslli_si128(v, 8));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + x),
                         _mm_sub_epi8(_mm_set1_epi8(static_cast<char>(before)), v));
        before += __builtin_popcount(static_cast<uint32_t>(_mm_movemask_epi8(below)));
    }
}
#else
inline void count_along(const uint8_t* in, int threshold, int n, uint8_t* out) {
    uint8_t count = 0;
    for (int x = 0; x < n; ++x) out[x] = count = static_cast<uint8_t>(count + (in[x] < threshold));
}
#endif

// Sums down a column of bytes, even and odd ones apart, in 16 bits.
struct Totals {
    typedef Vec<uint16_t> V;
    V even = {}, odd = {};
    void add(Vec<uint8_t> v) { even += (V)v & 255, odd += (V)v >> 8; }
    void remove(Vec<uint8_t> v) { even -= (V)v & 255, odd -= (V)v >> 8; }
    Vec<uint8_t> at_most(int limit) const {
        const V limits = V{} + static_cast<uint16_t>(limit);
        return (Vec<uint8_t>)(((V)(even <= limits) & 255) | ((V)(odd <= limits) & 0xff00));
    }
};

// One register's width of the tile's columns, from `counts` on: cur[i] += width where cur[i] == low and at most half of
// the window's elements are below low + width. Returns bit 0: some stayed; bit 1: some moved.
inline int descend(const uint8_t* counts, const Tile& tile, Node node, uint8_t* cur, uint8_t* across) {
    typedef Vec<uint8_t> V;
    constexpr int lanes = VectorOf<uint8_t>::lanes;
    const V low = V{} + static_cast<uint8_t>(node.low), width = V{} + static_cast<uint8_t>(node.width);
    const int64_t pitch = tile.pitch, counts_pitch = pitch + kFront;
    const int half = tile.size * tile.size / 2;
    Totals totals;
    const auto enter = [&](int64_t y) {
        const uint8_t* row = counts + y * counts_pitch;
        const V count = load<V>(row + tile.size - 1) - load<V>(row - 1);
        store(across + y * lanes, count);
        totals.add(count);
    };
    for (int y = 0; y < tile.size - 1; ++y) enter(y);
    V stayed = {}, moved = {};
    for (int y = 0; y < tile.rows; ++y) {
        enter(y + tile.size - 1);
        const V c = load<V>(cur + y * pitch), here = (V)(c == low);
        const V few = totals.at_most(half) & here;
        store(cur + y * pitch, c + (few & width));
        stayed |= here & ~few;
        moved |= few;
        totals.remove(load<V>(across + y * lanes));
    }
    return any(stayed) | any(moved) << 1;
}

// The median of each window is found bit by bit: all windows of the tile that share the bits found so far are
// asked together how many of their elements lie below the next bit's threshold. That count is a box sum, a few
// vector additions for many windows at once; and windows near each other have few different medians, so that
// few of the 256 thresholds are ever asked for.
//
// Small windows: sums down the columns first, then along the rows, all in bytes that saturate above half the window.
inline void tile_median_small(const uint8_t* region, const Tile& tile, uint8_t* cur, uint8_t* memory) {
    const int n = tile.rows * tile.pitch, half = tile.size * tile.size / 2;
    const Sums sums = {memory, memory + n + kOverrun, memory + 2 * (n + kOverrun)};
    bool present[256] = {true};
    for (int width = 128; width > 0; width /= 2)
        for (int low = 0; low < 256; low += 2 * width) {
            if (!present[low]) continue;
            count_columns(region, tile, low + width, sums.one);
            const int found = descend(cur, window_sums(sums, tile.size, n), half, {low, width}, n);
            present[low] = found & 1;
            present[low + width] = found >> 1;
        }
}

// Large windows: counts along the rows first, in bytes that wrap, then sums down the columns in 16 bits.
inline void tile_median_large(const uint8_t* region, const Tile& tile, uint8_t* cur, uint8_t* counts) {
    constexpr int lanes = VectorOf<uint8_t>::lanes;
    const int64_t rows = tile.rows + tile.size - 1, counts_pitch = tile.pitch + kFront;
    uint8_t* across = counts + rows * counts_pitch + kFront;
    for (int y = 0; y < rows; ++y) counts[y * counts_pitch + kFront - 1] = 0;
    // Which registers' widths of columns have a node: a bit each.
    uint32_t present[256] = {~0u};
    for (int width = 128; width > 0; width /= 2)
        for (int low = 0; low < 256; low += 2 * width) {
            const uint32_t wanted = present[low];
            if (wanted == 0) continue;
            for (int y = 0; y < rows; ++y)
                count_along(region + y * tile.pitch, low + width, tile.pitch, counts + y * counts_pitch + kFront);
            present[low] = 0;
            for (int x = 0, i = 0; x < tile.cols; x += lanes, ++i) {
                if ((wanted >> i & 1) == 0) continue;
                const int found = descend(counts + kFront + x, tile, {low, width}, cur + x, across);
                present[low] |= static_cast<uint32_t>(found & 1) << i;
                present[low + width] |= static_cast<uint32_t>(found >> 1) << i;
            }
        }
}

void tile_median_u8(const uint8_t* region, const Tile& tile, uint8_t* out, uint8_t* scratch) {
    // Lanes that are no window hold 255, which is no node of the tree.
    for (int y = 0; y < tile.rows; ++y)
        for (int x = 0; x < tile.pitch; ++x) out[y * tile.pitch + x] = x < tile.cols ? 0 : 255;
    if (tile.size <= imgfilt::kByteCounts)
        tile_median_small(region, tile, out, scratch);
    else
        tile_median_large(region, tile, out, scratch);
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

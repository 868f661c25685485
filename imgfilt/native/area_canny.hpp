// Canny's gradient, thinning and hysteresis by rows. Compiled once per instruction set.
#pragma once

#include "area_kernels.hpp"
#include "lane_bits.hpp"
#include "simd.hpp"

namespace {

// (a * b) >> 16
inline Vec<int16_t> multiply_high(Vec<int16_t> a, int16_t b) {
#if defined(__AVX512BW__)
    return (Vec<int16_t>)_mm512_mulhi_epi16((__m512i)a, _mm512_set1_epi16(b));
#elif defined(__AVX2__)
    return (Vec<int16_t>)_mm256_mulhi_epi16((__m256i)a, _mm256_set1_epi16(b));
#elif defined(__SSE2__)
    return (Vec<int16_t>)_mm_mulhi_epi16((__m128i)a, _mm_set1_epi16(b));
#else
    typedef int32_t Wide __attribute__((vector_size(2 * kVectorBytes)));
    return __builtin_convertvector((__builtin_convertvector(a, Wide) * b) >> 16, Vec<int16_t>);
#endif
}

// 64 bits to 64 bytes of 0 or 255.
inline void expand_word(uint64_t bits, char* out) {
#if defined(__AVX512BW__)
    _mm512_storeu_si512(out, _mm512_movm_epi8(bits));
#elif defined(__AVX2__)
    const __m256i place = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
    for (int i = 0; i < 2; ++i) {
        const __m256i four = _mm256_set1_epi32(static_cast<int>(bits >> (32 * i)));
        const __m256i spread = _mm256_and_si256(_mm256_shuffle_epi8(four, place), bit);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 32 * i), _mm256_cmpeq_epi8(spread, bit));
    }
#else
    for (int i = 0; i < 8; ++i) {
        // Bit j of the byte, moved to byte j, then spread over it.
        uint64_t spread = ((bits >> (8 * i) & 0xff) * 0x0101010101010101) & 0x8040201008040201;
        spread = ((spread + 0x7f7f7f7f7f7f7f7f) | spread) & 0x8080808080808080;
        spread = (spread >> 7) * 0xff;
        __builtin_memcpy(out + 8 * i, &spread, 8);
    }
#endif
}

// A register's width of pixels as gradients' type.
template <class G, class T>
inline Vec<G> widened(const T* p) {
    if constexpr (Same<G, T>::value) {
        return load<Vec<G>>(p);
    } else {
#if defined(__AVX512BW__)
        return (Vec<G>)_mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#elif defined(__AVX2__)
        return (Vec<G>)_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#else
        typedef T Narrow __attribute__((vector_size(kVectorBytes * sizeof(T) / sizeof(G))));
        return __builtin_convertvector(load<Narrow>(p), Vec<G>);
#endif
    }
}

template <class T>
inline Vec<T> magnitude_of(Vec<T> v) {
    const Vec<T> minus = -v;
    return v < minus ? minus : v;
}

// |gx| + |gy| of `count` rows, from count + 2 rows of pixels.
template <class T, class G>
void gradient_rows(const T* const* rows, G* const* magnitudes, int count, int64_t n) {
    typedef Vec<G> V;
    for (int64_t x = 0; x < n; x += VectorOf<G>::lanes) {
        const auto smooth_and_slope = [x](const T* row, V& smooth, V& slope) __attribute__((always_inline)) {
            const V left = widened<G>(row + x), middle = widened<G>(row + x + 1), right = widened<G>(row + x + 2);
            smooth = (left + right) + (middle + middle);
            slope = right - left;
        };
        V smooth[3], slope[2], sum;  // of the rows before; slopes of the two before that row
        smooth_and_slope(rows[0], smooth[0], slope[0]);
        smooth_and_slope(rows[1], smooth[1], slope[1]);
        sum = slope[0] + slope[1];
#pragma GCC unroll 2
        for (int i = 0; i < count; ++i) {
            V next;
            smooth_and_slope(rows[i + 2], smooth[2], next);
            const V below = slope[1] + next;
            store(magnitudes[i] + x, magnitude_of<G>(sum + below) + magnitude_of<G>(smooth[2] - smooth[0]));
            sum = below, slope[1] = next;
            smooth[0] = smooth[1], smooth[1] = smooth[2];
        }
    }
}

// Comparisons of all lanes: a bit each with AVX-512, else a lane each.
#if defined(__AVX512BW__)
inline __mmask32 above(Vec<int16_t> a, Vec<int16_t> b) { return _mm512_cmpgt_epi16_mask((__m512i)a, (__m512i)b); }
inline __mmask16 above(Vec<float> a, Vec<float> b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ); }
inline __mmask8 above(Vec<double> a, Vec<double> b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_GT_OQ); }
inline __mmask32 from(Vec<int16_t> a, Vec<int16_t> b) { return _mm512_cmpge_epi16_mask((__m512i)a, (__m512i)b); }
inline __mmask16 from(Vec<float> a, Vec<float> b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GE_OQ); }
inline __mmask8 from(Vec<double> a, Vec<double> b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_GE_OQ); }
inline Vec<int16_t> choose(__mmask32 mask, Vec<int16_t> a, Vec<int16_t> b) {
    return (Vec<int16_t>)_mm512_mask_blend_epi16(mask, (__m512i)b, (__m512i)a);
}
inline Vec<float> choose(__mmask16 mask, Vec<float> a, Vec<float> b) {
    return (Vec<float>)_mm512_mask_blend_ps(mask, (__m512)b, (__m512)a);
}
inline Vec<double> choose(__mmask8 mask, Vec<double> a, Vec<double> b) {
    return (Vec<double>)_mm512_mask_blend_pd(mask, (__m512d)b, (__m512d)a);
}
template <class T, class M>
inline uint64_t bits_of(M mask) {
    return mask;
}
#else
template <class M, class V>
inline V choose(M mask, V a, V b) {
    return mask ? a : b;
}
template <class V>
inline auto above(V a, V b) {
    return a > b;
}
template <class V>
inline auto from(V a, V b) {
    return a >= b;
}
template <class T, class M>
inline uint64_t bits_of(M mask) {
    return lane_bits<T>(mask);
}
#endif

// tan(22.5 deg) in 15 fractional bits; tan(67.5 deg) = tan(22.5 deg) + 2.
constexpr int kTan = 13573;

// ax * tan(22.5 deg), which |gy| is below (floats) or at most (integers) where the gradient is nearly horizontal.
// i16: |g| <= 1020, and as kTan is odd, ay < ax * kTan / 2^15 is ay <= floor(that) wherever ax > 0; where
// ax == 0 == ay the magnitude is 0 and no edge.
inline Vec<int16_t> limit_of(Vec<int16_t> ax) { return multiply_high(ax + ax, kTan); }
inline Vec<float> limit_of(Vec<float> ax) { return ax * 0.414213562f; }
inline Vec<double> limit_of(Vec<double> ax) { return ax * 0.41421356237309504880; }

// Local maxima among a register's width of pixels from x on, whatever their magnitude.
template <class T, class G>
inline auto peaks(const T* const* rows, const G* const* magnitudes, int64_t x) {
    typedef Vec<G> V;
    const auto pixels = [&](int row, int dx) { return widened<G>(rows[row] + x + 1 + dx); };
    const auto near = [&](int row, int dx) { return load<V>(magnitudes[row] + x + dx); };
    const V falls = pixels(2, 1) - pixels(0, -1), rises = pixels(0, 1) - pixels(2, -1);
    const V across = pixels(1, 1) - pixels(1, -1), down = pixels(2, 0) - pixels(0, 0);
    const V dx = (falls + rises) + (across + across), dy = (falls - rises) + (down + down);
    const V ax = magnitude_of<G>(dx), ay = magnitude_of<G>(dy), limit = limit_of(ax);
    const auto flat = Same<G, int16_t>::value ? from(limit, ay) : above(limit, ay);
    const auto steep = above(ay, limit + ax + ax);
    const auto opposite = above(V{}, dx) ^ above(V{}, dy);
    const V m = near(1, 0);
    V first = choose(opposite, near(0, 1), near(0, -1)), second = choose(opposite, near(2, -1), near(2, 1));
    first = choose(steep, near(0, 0), first), second = choose(steep, near(2, 0), second);
    first = choose(flat, near(1, -1), first), second = choose(flat, near(1, 1), second);
    // Of two equal neighbours in line the first wins, as in OpenCV; on diagonals neither does.
    return above(m, first) & from(m, second) & (flat | steep | above(m, second));
}

template <int bits>
struct Bits;
template <>
struct Bits<8> {
    typedef uint8_t type;
};
template <>
struct Bits<16> {
    typedef uint16_t type;
};
template <>
struct Bits<32> {
    typedef uint32_t type;
};

// Rows of bits that are 0 before. Few pieces of a row have a large gradient, and nobody can foretell which: they are
// listed without a branch for each.
template <class T, class G>
void thin_rows(const imgfilt::CannyRows& rows, int64_t n) {
    typedef Vec<G> V;
    constexpr int lanes = VectorOf<G>::lanes, size = lanes < 8 ? 8 : lanes;
    typedef typename Bits<size>::type Piece;
    const V low = V{} + static_cast<G>(rows.low), high = V{} + static_cast<G>(rows.high);
    int32_t found[imgfilt::kCannyRows * imgfilt::kCannyColumns / size];  // row << 16 | piece
    int count = 0;
    for (int y = 0; y < rows.count; ++y) {
        const G* here = static_cast<const G*>(rows.magnitudes[y + 1]);
        for (int piece = 0; piece * size < n; ++piece) {
            uint64_t some = 0;
            for (int i = 0; i < size; i += lanes) some |= bits_of<G>(above(load<V>(here + piece * size + i), low));
            found[count] = y << 16 | piece;
            count += some != 0;
        }
    }
    for (int k = 0; k < count; ++k) {
        const int y = found[k] >> 16, piece = found[k] & 0xffff;
        const T* const* pixels = reinterpret_cast<const T* const*>(rows.pixels) + y;
        const G* const* magnitudes = reinterpret_cast<const G* const*>(rows.magnitudes) + y;
        uint64_t peak = 0, large = 0;
        for (int i = 0; i < size; i += lanes) {
            const int64_t x = piece * size + i;
            const V m = load<V>(magnitudes[1] + x);
            const auto p = peaks<T, G>(pixels, magnitudes, x) & above(m, low);
            peak |= bits_of<G>(p) << i;
            large |= bits_of<G>(p & above(m, high)) << i;
        }
        if (piece * size + size > n) {
            const uint64_t inside = (uint64_t(1) << (n - piece * size)) - 1;
            peak &= inside, large &= inside;
        }
        __builtin_memcpy(reinterpret_cast<Piece*>(rows.candidates[y]) + piece, &peak, sizeof(Piece));
        __builtin_memcpy(reinterpret_cast<Piece*>(rows.strong[y]) + piece, &large, sizeof(Piece));
    }
}

// Bits beside those of `here`, whose neighbouring words are `before` and `after`.
typedef Vec<uint64_t> Words;
inline Words beside(Words before, Words here, Words after) {
    return here << 1 | here >> 1 | before >> 63 | after << 63;
}

inline Words along(Words edges, Words open) {
    for (int i = 0; i < 2; ++i) edges |= open & (edges << 1 | edges >> 1);
    return edges;
}

// Lets edges of each row spread to the candidates of the next, `step` words further, and a little along them.
void spread_rows(const uint64_t* candidates, uint64_t* edges, int64_t step, int64_t rows, int64_t words) {
    constexpr int lanes = VectorOf<uint64_t>::lanes;
    const auto spread = [&](Words before, Words near, Words after, int64_t w) __attribute__((always_inline)) {
        const Words open = load<Words>(candidates + w);
        const Words e = along(load<Words>(edges + w) | (open & (near | beside(before, near, after))), open);
        store(edges + w, e);
        return e;
    };
    if (words <= lanes) {  // the row before stays in a register
        Words up, down;
        for (int i = 0; i < lanes; ++i) up[i] = i + lanes - 1, down[i] = i + 1;
        Words near = load<Words>(edges);
        for (int64_t y = 1; y < rows; ++y) {
            candidates += step, edges += step;
            near = spread(__builtin_shuffle(Words{}, near, up), near, __builtin_shuffle(near, Words{}, down), 0);
        }
        return;
    }
    for (int64_t y = 1; y < rows; ++y) {
        const uint64_t* last = edges;
        candidates += step, edges += step;
        for (int64_t w = 0; w < words; w += lanes)
            spread(load<Words>(last + w - 1), load<Words>(last + w), load<Words>(last + w + 1), w);
    }
}

// Which rows have candidates next to edges of theirs or of a neighbouring row, that are none.
void unfinished_rows(const uint64_t* candidates, const uint64_t* edges, int64_t step, int64_t rows, int64_t words,
                     bool* unfinished) {
    for (int64_t y = 0; y < rows; ++y, edges += step, candidates += step) {
        const uint64_t *above = edges - (y > 0 ? step : 0), *below = edges + (y + 1 < rows ? step : 0);
        Words some = {};
        for (int64_t w = 0; w < words; w += VectorOf<uint64_t>::lanes) {
            const auto at = [&](int64_t i) {
                return load<Words>(above + i) | load<Words>(edges + i) | load<Words>(below + i);
            };
            const Words near = at(w), open = load<Words>(candidates + w) & ~load<Words>(edges + w);
            some |= open & (near | beside(at(w - 1), near, at(w + 1)));
        }
        uint64_t any = 0;
        for (int i = 0; i < VectorOf<uint64_t>::lanes; ++i) any |= some[i];
        unfinished[y] = any != 0;
    }
}

void expand_bits(const uint64_t* bits, char* out, int64_t stride, int64_t n) {
    if (stride != 1) {
        for (int64_t x = 0; x < n; ++x)
            out[x * stride] = static_cast<char>(-static_cast<int>(bits[x >> 6] >> (x & 63) & 1));
        return;
    }
    int64_t x = 0;
    for (; x + 64 <= n; x += 64) expand_word(bits[x >> 6], out + x);
    for (; x < n; ++x) out[x] = static_cast<char>(-static_cast<int>(bits[x >> 6] >> (x & 63) & 1));
}

}  // namespace

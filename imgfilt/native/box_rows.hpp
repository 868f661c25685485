// Means under a rectangle, row by row: the sums of the columns, then windows of them made pixels while they are near.
//
// The columns' sums lie in two planes, of the row's even elements and of its odd ones: a vector of either comes out of
// a vector of pixels by a mask or a shift, two pixels side by side are summed before their lanes are summed among
// themselves, and results go back side by side by a shift.
#pragma once

#include "box_kernels.hpp"
#include "row_scan.hpp"
#include "simd.hpp"

namespace {

#if defined(IMGFILT_PAIRS)

using imgfilt::BoxRows;

template <class In>
using ColumnSum = typename Pick<sizeof(In) == 1, uint16_t, uint32_t>::type;

// result[i] = v[i - by / sizeof(T)], before that the end of `previous`; `by` in bytes, a multiple of 4 below 16.
template <int by, class T>
inline Vec<T> follows(Vec<T> v, Vec<T> previous) {
#if defined(__AVX512BW__)
    return (Vec<T>)_mm512_alignr_epi32((__m512i)v, (__m512i)previous, 16 - by / 4);
#elif defined(__AVX2__)
    const __m256i middle = _mm256_permute2x128_si256((__m256i)previous, (__m256i)v, 0x21);
    return (Vec<T>)_mm256_alignr_epi8((__m256i)v, middle, 16 - by);
#else
    return (Vec<T>)_mm_alignr_epi8((__m128i)v, (__m128i)previous, 16 - by);
#endif
}

// sum[x] += enter[x] - leave[x], or + enter[x] alone.
template <class In, bool leaves>
void slide_planes(const In* enter, const In* leave, ColumnSum<In>* even, ColumnSum<In>* odd, int64_t n, int64_t ahead) {
    typedef ColumnSum<In> Sum;
    constexpr int bits = 8 * static_cast<int>(sizeof(In)), lanes = VectorOf<Sum>::lanes, step = 2 * lanes;
    constexpr Sum low = static_cast<Sum>((Sum{1} << bits) - 1);
    const auto added = [&](const Sum* sum, int64_t x, bool second) {
        const auto in = [&](const In* p) {
            const Vec<Sum> both = load<Vec<Sum>>(reinterpret_cast<const Sum*>(p + x));
            return second ? both >> bits : both & low;
        };
        Vec<Sum> v = load<Vec<Sum>>(sum + x / 2) + in(enter);
        if constexpr (leaves) v -= in(leave);
        return v;
    };
    const auto one = [&](int64_t x) {
        Sum* const plane = x % 2 == 0 ? even : odd;  // GCC 12 under -fsanitize loses the index of (a ? b : c)[i]
        Sum& sum = plane[x / 2];
        sum = static_cast<Sum>(sum + enter[x]);
        if constexpr (leaves) sum = static_cast<Sum>(sum - leave[x]);
    };
    if (n < step) {
        for (int64_t x = 0; x < n; ++x) one(x);
        return;
    }
    // The last vectors overlap those before, which must not change them first.
    const int64_t last = (n - step) & -2;
    const Vec<Sum> even_end = added(even, last, false), odd_end = added(odd, last, true);
    for (int64_t x = 0; x < last; x += step) {
        if (ahead > 0) __builtin_prefetch(reinterpret_cast<const char*>(enter + x) + ahead);
        const Vec<Sum> a = added(even, x, false), b = added(odd, x, true);
        store(even + x / 2, a);
        store(odd + x / 2, b);
    }
    store(even + last / 2, even_end);
    store(odd + last / 2, odd_end);
    if (n % 2 != 0) one(n - 1);
}

// Where the windows of a row begin and end in the planes: element `first` of each is the first that counts for
// element 0.
template <class Sum>
struct Planes {
    const Sum *even, *odd;
    int64_t first, size;  // elements: a window's first, and how many from it to the next after its last
    const Sum* at(int64_t element) const { return ((element & 1) != 0 ? odd : even) + (element >> 1); }
    const Sum* enter(int64_t of) const { return at(of + first + size - channels); }
    const Sum* leave(int64_t of) const { return at(of + first - channels); }
    int channels;
};

// Sums of the windows, two vectors at a time, one after the other from the zeros before the row on: of even elements
// and of odd ones. `begin` is what all sums start from.
template <class Sum, int channels>
class PlaneWindows {
  public:
    static constexpr int lanes = VectorOf<Sum>::lanes;
    static constexpr int64_t count = 2 * lanes;
    typedef Vec<Sum> Values[2];

    PlaneWindows(const Planes<Sum>& p, Sum begin)
        : enter_{p.enter(shift), p.enter(1)},
          leave_{p.leave(shift), p.leave(1)},
          sums_{Vec<Sum>{} + begin, Vec<Sum>{} + begin} {}

    // Elements x .. x + count - 1.
    void next(int64_t x, Values& v) {
        const int64_t j = x / 2;
        const Vec<Sum> first = load<Vec<Sum>>(enter_[0] + j) - load<Vec<Sum>>(leave_[0] + j);
        const Vec<Sum> second = load<Vec<Sum>>(enter_[1] + j) - load<Vec<Sum>>(leave_[1] + j);
        if constexpr (channels == 1) {
            const Vec<Sum> part = running<1, Sum>(first + second);
            v[1] = part + sums_[0];
            v[0] = v[1] - second;
            sums_[0] += last_lanes<1, Sum>(part);
        } else if constexpr (channels == 3) {
            // Of even elements those two lanes on: an element is the one of three before it, and that of three more.
            const Vec<Sum> even = running<3, Sum>(first + second) + sums_[0];
            v[1] = even - first;
            v[0] = follows<2 * static_cast<int>(sizeof(Sum)), Sum>(even, sums_[1]);
            sums_[0] = last_lanes<3, Sum>(even);
            sums_[1] = even;
        } else {
            const Vec<Sum> parts[2] = {running<channels / 2, Sum>(first), running<channels / 2, Sum>(second)};
            for (int i = 0; i < 2; ++i) {
                v[i] = parts[i] + sums_[i];
                sums_[i] += last_lanes<channels / 2, Sum>(parts[i]);
            }
        }
    }

  private:
    static constexpr int shift = channels == 3 ? 4 : 0;
    const Sum *enter_[2], *leave_[2];
    Vec<Sum> sums_[2];
};

// Sums of few elements, of any vectors.
template <class Sum, int channels, int size>
class FewWindows {
  public:
    static constexpr int lanes = VectorOf<Sum>::lanes;
    static constexpr int64_t count = 2 * lanes;
    typedef Vec<Sum> Values[2];

    FewWindows(const Planes<Sum>& p, Sum begin) : begin_(Vec<Sum>{} + begin) {
        for (int t = 0; t < taps; ++t) {
            even_[t] = p.at(p.first + t * channels);
            if (channels > 1) odd_[t] = p.at(p.first + t * channels + 1);
        }
    }
    void next(int64_t x, Values& v) const {
        const int64_t j = x / 2;
        if constexpr (channels == 1) {
            Vec<Sum> both = begin_;
#pragma GCC unroll 8
            for (int t = 1; t < size; ++t) both += load<Vec<Sum>>(even_[t] + j);
            v[0] = both + load<Vec<Sum>>(even_[0] + j);
            v[1] = both + load<Vec<Sum>>(even_[size] + j);
        } else {
            v[0] = begin_ + load<Vec<Sum>>(even_[0] + j), v[1] = begin_ + load<Vec<Sum>>(odd_[0] + j);
#pragma GCC unroll 8
            for (int t = 1; t < size; ++t) v[0] += load<Vec<Sum>>(even_[t] + j), v[1] += load<Vec<Sum>>(odd_[t] + j);
        }
    }

  private:
    static constexpr int taps = channels == 1 ? size + 1 : size;
    const Sum *even_[taps], *odd_[taps] = {};
    const Vec<Sum> begin_;
};

// 32-bit sums of 16-bit columns: of elements 4 i, 4 i + 1, 4 i + 2 and 4 i + 3. Differences of columns have 16 bits.
template <int channels>
class QuadWindows {
  public:
    static constexpr int lanes = VectorOf<uint32_t>::lanes;
    static constexpr int64_t count = 4 * lanes;
    typedef Vec<uint32_t> Values[4];

    QuadWindows(const Planes<uint16_t>& p, uint32_t begin) {
        for (int r = 0; r < 4; ++r) {
            // Of three channels, where three more lanes of the first are one lane more of the last, in each other.
            const int64_t of = channels == 3 ? 12 - 4 * r + (r & 1) : r & 1;
            enter_[r] = p.enter(of), leave_[r] = p.leave(of);
        }
        for (auto& sums : sums_) sums = Vec<uint32_t>{} + begin;
    }

    void next(int64_t x, Values& v) {
        const int64_t j = x / 2;
        const auto difference = [&](int r) {
            return (Pairs)(load<Vec<uint16_t>>(enter_[r] + j) - load<Vec<uint16_t>>(leave_[r] + j));
        };
        const auto low = [](Pairs d) { return (Vec<uint32_t>)multiply_add(d, splat32(1)); };
        const auto high = [](Pairs d) { return (Vec<uint32_t>)((Vec<int32_t>)d >> 16); };
        if constexpr (channels == 1) {
            const Pairs even = difference(0), odd = difference(1), ones = splat16(1);
            const Vec<uint32_t> all = (Vec<uint32_t>)add32(multiply_add(even, ones), multiply_add(odd, ones));
            const Vec<uint32_t> part = running<1, uint32_t>(all);
            v[3] = part + sums_[0];
            sums_[0] += last_lanes<1, uint32_t>(part);
            v[2] = v[3] - high(odd);
            v[1] = v[2] - high(even);
            v[0] = v[1] - low(odd);
        } else {
            const Vec<uint32_t> d[4] = {low(difference(0)), low(difference(1)), high(difference(2)),
                                        high(difference(3))};
            const Vec<uint32_t> first = running<3, uint32_t>(d[0] + d[1] + d[2] + d[3]) + sums_[3];
            const Vec<uint32_t> second = first - d[0], third = second - d[1];
            v[0] = follows<12, uint32_t>(first, sums_[0]);
            v[1] = follows<8, uint32_t>(second, sums_[1]);
            v[2] = follows<4, uint32_t>(third, sums_[2]);
            v[3] = third - d[2];
            sums_[0] = first, sums_[1] = second, sums_[2] = third;
            sums_[3] = last_lanes<3, uint32_t>(first);
        }
    }

  private:
    const uint16_t *enter_[4], *leave_[4];
    Vec<uint32_t> sums_[4];
};

// 16-bit sums, `add` among them, to bytes.
struct DividedBytes {
    typedef uint8_t Out;
    const Vec<uint16_t> multiplier;
    const int shift;
    Vec<uint16_t> pixels(const Vec<uint16_t> (&v)[2]) const {
        return (multiply_high(v[0], multiplier) >> shift) | (multiply_high(v[1], multiplier) >> shift << 8);
    }
};

// sum * scale to the nearest, in 24 bits or, where `wide`, in 53; known to be a pixel.
template <class Pixel, bool wide>
struct ScaledPixels {
    typedef Pixel Out;
    const double scale;
    Vec<uint32_t> scaled(Vec<uint32_t> v) const {
        if constexpr (wide)
            return (Vec<uint32_t>)nearest_wide((Pairs)v, scale);
        else
            return (Vec<uint32_t>)nearest_i32((Reals)((Vec<float>)reals_of((Pairs)v) * static_cast<float>(scale)));
    }
    Vec<uint32_t> pixels(const Vec<uint32_t> (&v)[2]) const { return scaled(v[0]) | scaled(v[1]) << 16; }
    Vec<uint32_t> pixels(const Vec<uint32_t> (&v)[4]) const {
        return (scaled(v[0]) | scaled(v[1]) << 8) | (scaled(v[2]) | scaled(v[3]) << 8) << 16;
    }
};

template <class Windows, class Pixels>
void store_pixels(Windows windows, int64_t before, const Pixels& pixels, typename Pixels::Out* out, int64_t n,
                  int64_t ahead) {
    constexpr int64_t count = Windows::count;
    typename Windows::Values v;
    for (int64_t x = -before; x < 0; x += count) windows.next(x, v);
    int64_t x = 0;
    for (; x + count <= n; x += count) {
        if (ahead > 0) __builtin_prefetch(reinterpret_cast<const char*>(out + x) + ahead, 1);
        windows.next(x, v);
        store(out + x, pixels.pixels(v));
    }
    if (x == n) return;
    windows.next(x, v);
    const auto rest = pixels.pixels(v);
    std::memcpy(out + x, &rest, static_cast<size_t>(n - x) * sizeof *out);
}

template <class In, class Pixels, int channels>
void box_windows(const BoxRows& job, const Pixels& pixels, In* out) {
    typedef ColumnSum<In> Sum;
    const Planes<Sum> planes = {reinterpret_cast<const Sum*>(job.even), reinterpret_cast<const Sum*>(job.odd),
                                -int64_t{job.origin} * channels, int64_t{job.size} * channels, channels};
    const Sum begin = job.narrow ? job.add : 0;
    const int64_t ahead = job.out_ahead ? job.out_row : 0;
    // From where all windows hold nothing but zeros.
    const auto before = [&](int64_t count) { return (planes.size + 12 + count - 1) / count * count; };
    if constexpr (Same<Sum, uint16_t>::value && !Same<Pixels, DividedBytes>::value) {
        typedef QuadWindows<channels> Windows;
        return store_pixels(Windows(planes, begin), before(Windows::count), pixels, out, job.n, ahead);
    } else {
        const auto few = [&](const auto& windows) { store_pixels(windows, 0, pixels, out, job.n, ahead); };
        if (job.size == 3) return few(FewWindows<Sum, channels, 3>(planes, begin));
        if constexpr (channels == 1) {  // of more channels each element has rows of its own, and registers end
            if (job.size == 5) return few(FewWindows<Sum, channels, 5>(planes, begin));
            if (job.size == 7) return few(FewWindows<Sum, channels, 7>(planes, begin));
        }
        typedef PlaneWindows<Sum, channels> Windows;
        return store_pixels(Windows(planes, begin), before(Windows::count), pixels, out, job.n, ahead);
    }
}

void make_ends(const BoxRows& job) {
    for (int64_t i = 0; i < job.end_count; ++i) {
        const imgfilt::BoxEnd& end = job.ends[i];
        const auto vector = [](const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); };
        _mm_storeu_si128(reinterpret_cast<__m128i*>(job.even + end.to),
                         _mm_shuffle_epi8(vector(job.even + end.from), vector(end.order)));
    }
}

template <class In, class Pixels>
void box_rows_by(const BoxRows& job, const Pixels& pixels) {
    typedef ColumnSum<In> Sum;
    Sum *even = reinterpret_cast<Sum*>(job.even), *odd = reinterpret_cast<Sum*>(job.odd);
    const auto row = [&](int64_t y) { return reinterpret_cast<const In*>(job.rows[y]); };
    if (job.anew) {
        const size_t bytes = static_cast<size_t>((job.n + 1) / 2) * sizeof(Sum);
        std::memset(even, 0, bytes);
        std::memset(odd, 0, static_cast<size_t>(job.n / 2) * sizeof(Sum));
        for (int t = 0; t + 1 < job.height; ++t) slide_planes<In, false>(row(t), nullptr, even, odd, job.n, 0);
    }
    for (int64_t y = 0; y < job.count; ++y) {
        const In* enter = row(y + job.height - 1);
        if (job.anew && y == 0)
            slide_planes<In, false>(enter, nullptr, even, odd, job.n, job.in_ahead);
        else
            slide_planes<In, true>(enter, row(y - 1), even, odd, job.n, job.in_ahead);
        make_ends(job);
        In* out = reinterpret_cast<In*>(job.out + y * job.out_row);
        if (job.channels == 1) {
            box_windows<In, Pixels, 1>(job, pixels, out);
        } else if (job.channels == 3) {
            box_windows<In, Pixels, 3>(job, pixels, out);
        } else if constexpr (!Same<In, uint8_t>::value || Same<Pixels, DividedBytes>::value) {
            if (job.channels == 2) box_windows<In, Pixels, 2>(job, pixels, out);
            if (job.channels == 4) box_windows<In, Pixels, 4>(job, pixels, out);
        }
    }
}

template <class In>
void box_rows(const BoxRows& job) {
    if constexpr (Same<In, uint8_t>::value)
        if (job.narrow) return box_rows_by<In>(job, DividedBytes{Vec<uint16_t>{} + job.multiplier, job.shift});
    if (job.wide) return box_rows_by<In>(job, ScaledPixels<In, true>{job.scale});
    return box_rows_by<In>(job, ScaledPixels<In, false>{job.scale});
}

#endif

}  // namespace

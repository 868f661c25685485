// Sums of equal weights: running sums down the columns and along the row, and windows doubled along the row.
#pragma once

#include "row_convert.hpp"
#include "row_scan.hpp"
#include "row_taps.hpp"
#include "simd.hpp"

namespace {

template <class In, class Acc>
inline Vec<Acc> widened_as(const In* p) {
#if defined(__AVX512BW__)
    if constexpr (Same<In, uint8_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    else if constexpr (Same<In, uint16_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    else if constexpr (Same<In, int16_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    else if constexpr (Same<In, float>::value && Same<Acc, double>::value)
        return (Vec<Acc>)_mm512_cvtps_pd(_mm256_loadu_ps(p));
    else
#elif defined(__AVX2__)
    if constexpr (Same<In, uint8_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    else if constexpr (Same<In, uint16_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    else if constexpr (Same<In, int16_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    else if constexpr (Same<In, float>::value && Same<Acc, double>::value)
        return (Vec<Acc>)_mm256_cvtps_pd(_mm_loadu_ps(p));
    else
#endif
        return load_as<In, Acc>(p);
}

// sum[x] += enter[x] - leave[x], or + enter[x] alone where there is no row that leaves.
template <class In, class Acc>
void slide(const In* enter, const In* leave, Acc* sum, int64_t n) {
    constexpr int lanes = VectorOf<Acc>::lanes;
    const auto each = [&](const auto& added) {
        if (n < lanes) {
            for (int64_t x = 0; x < n; ++x)
                sum[x] = static_cast<Acc>(sum[x] + static_cast<Acc>(enter[x]) -
                                          (leave == nullptr ? Acc(0) : static_cast<Acc>(leave[x])));
            return;
        }
        // The last, incomplete vector overlaps the one before, which must not change it first.
        const int64_t last = n - lanes;
        const Vec<Acc> end = load<Vec<Acc>>(sum + last) + added(last);
        int64_t x = 0;
#pragma GCC unroll 4
        for (; x + lanes <= n; x += lanes) store(sum + x, load<Vec<Acc>>(sum + x) + added(x));
        store(sum + last, end);
    };
    if (leave == nullptr)
        each([&](int64_t x) { return widened_as<In, Acc>(enter + x); });
    else
        each([&](int64_t x) { return widened_as<In, Acc>(enter + x) - widened_as<In, Acc>(leave + x); });
}

void slide_u8_i32(const uint8_t* enter, const uint8_t* leave, int32_t* sum, int64_t n) {
    slide(enter, leave, reinterpret_cast<uint32_t*>(sum), n);
}
void slide_u16_i32(const uint16_t* enter, const uint16_t* leave, int32_t* sum, int64_t n) {
    slide(enter, leave, reinterpret_cast<uint32_t*>(sum), n);
}
void slide_i16_i32(const int16_t* enter, const int16_t* leave, int32_t* sum, int64_t n) {
    slide(enter, leave, reinterpret_cast<uint32_t*>(sum), n);
}

// The same of reals; whether all that enters is finite. A float times 0 is NaN where it is not.
bool slide_f32_f64(const float* enter, const float* leave, double* sum, int64_t n) {
    constexpr int lanes = VectorOf<double>::lanes;
    constexpr int64_t step = 2 * lanes;
    Vec<float> zeros = {};
    float zero = 0.0f;
    int64_t x = 0;
    // The row that leaves next lies after the one that leaves now.
    const auto each = [&](const auto& added) {
        for (; x + step <= n; x += step) {
            zeros = fused(load<Vec<float>>(enter + x), Vec<float>{}, zeros);
            store(sum + x, load<Vec<double>>(sum + x) + added(x));
            store(sum + x + lanes, load<Vec<double>>(sum + x + lanes) + added(x + lanes));
        }
    };
    if (leave == nullptr)
        each([&](int64_t at) { return widened_as<float, double>(enter + at); });
    else
        each([&](int64_t at) {
            __builtin_prefetch(leave + at + n);
            return widened_as<float, double>(enter + at) - widened_as<float, double>(leave + at);
        });
    for (; x < n; ++x) {
        zero += enter[x] * 0.0f;
        sum[x] += leave == nullptr ? double{enter[x]} : double{enter[x]} - double{leave[x]};
    }
    for (int i = 0; i < VectorOf<float>::lanes; ++i) zero += zeros[i];
    return zero == 0.0f;
}

// The sums of `size` pixels from each pixel on, a vector after the other. A few are added up; else each is the one of
// the pixel before, and what enters and leaves it: a vector's lanes are summed among themselves, and to what was
// before. A line may be read a vector beyond what its last window needs, and a pixel before the first.
template <class In, class Acc, int channels>
class Windows {
  public:
    typedef Acc Sum;
    Windows(const In* line, int size) : line_(line), enter_(line + int64_t{size - 1} * channels), size_(size) {
        if (few()) return;
        Acc before[channels] = {};
        for (int i = -1; i < size - 1; ++i)
            for (int c = 0; c < channels; ++c)
                before[c] = static_cast<Acc>(before[c] + static_cast<Acc>(line[int64_t{i} * channels + c]));
        if constexpr (channels == 1)
            sums_ = Vec<Acc>{} + before[0];
        else
            for (int i = 0; i < lanes; ++i) sums_[i] = before[i % channels];
    }
    bool few() const { return size_ <= kFew; }

    // Those of the vector at x: of any x, and of one x after the other.
    Vec<Acc> added(int64_t x) const {
        Vec<Acc> sum = widened_as<In, Acc>(line_ + x);
        for (const In* in = line_ + x + channels; in <= enter_ + x; in += channels) sum += widened_as<In, Acc>(in);
        return sum;
    }
    Vec<Acc> next(int64_t x) {
        const Vec<Acc> part =
            running<channels, Acc>(widened_as<In, Acc>(enter_ + x) - widened_as<In, Acc>(line_ + x - channels));
        const Vec<Acc> v = part + sums_;
        if constexpr (lanes % channels == 0)
            sums_ += last_lanes<channels, Acc>(part);
        else
            sums_ = last_lanes<channels, Acc>(v);
        return v;
    }

  private:
    static constexpr int lanes = VectorOf<Acc>::lanes, kFew = 5;
    const In *line_, *enter_;
    const int size_;
    Vec<Acc> sums_ = {};
};

// Rows of windows, `Pixels::count` vectors of which make one of the output's.
template <class Pixels, class Next>
void store_windows(const Pixels& pixels, const Next& next, typename Pixels::Out* out, int64_t n) {
    typedef typename Pixels::Sum Acc;
    constexpr int lanes = VectorOf<Acc>::lanes, step = Pixels::count * lanes;
    Vec<Acc> v[Pixels::count];
    int64_t x = 0;
    for (; x + step <= n; x += step) {
#pragma GCC unroll 4
        for (int i = 0; i < Pixels::count; ++i) v[i] = next(x + i * lanes);
        pixels.store_all(out + x, v);
    }
    if (x == n) return;
    for (int i = 0; i < Pixels::count; ++i) v[i] = x + i * lanes < n ? next(x + i * lanes) : Vec<Acc>{};
    typename Pixels::Out rest[step];
    pixels.store_all(rest, v);
    std::memcpy(out + x, rest, static_cast<size_t>(n - x) * sizeof rest[0]);
}

// Of any number of channels, pixel by pixel of a few vectors.
template <class In, class Pixels>
void any_windows(const In* in, int size, int channels, const Pixels& pixels, typename Pixels::Out* out, int64_t n) {
    typedef typename Pixels::Sum Acc;
    store_windows(
        pixels,
        [&](int64_t x) {
            Vec<Acc> sum = {};
            for (int i = 0; i < size; ++i) sum += widened_as<In, Acc>(in + x + int64_t{i} * channels);
            return sum;
        },
        out, n);
}

template <class In, class Pixels, int channels>
void windows_by(const void* line, int size, const Pixels& pixels, void* to, int64_t n) {
    typedef typename Pixels::Sum Acc;
    typename Pixels::Out* out = static_cast<typename Pixels::Out*>(to);
    const In* in = static_cast<const In*>(line);
    if constexpr (channels <= VectorOf<Acc>::lanes) {
        Windows<In, Acc, channels> windows(in, size);
        if (windows.few())
            store_windows(pixels, [&](int64_t x) { return windows.added(x); }, out, n);
        else
            store_windows(pixels, [&](int64_t x) { return windows.next(x); }, out, n);
    } else {
        any_windows<In>(in, size, channels, pixels, out, n);
    }
}

template <class In, class Pixels>
void windows(const void* line, int size, int channels, const Pixels& pixels, void* out, int64_t n) {
    switch (channels) {
        case 1: return windows_by<In, Pixels, 1>(line, size, pixels, out, n);
        case 2: return windows_by<In, Pixels, 2>(line, size, pixels, out, n);
        case 3: return windows_by<In, Pixels, 3>(line, size, pixels, out, n);
        case 4: return windows_by<In, Pixels, 4>(line, size, pixels, out, n);
    }
    any_windows<In>(static_cast<const In*>(line), size, channels, pixels, static_cast<typename Pixels::Out*>(out), n);
}

// As they are.
template <class Acc>
struct Sums {
    typedef Acc Sum;
    typedef Acc Out;
    static constexpr int count = 1;
    void store_all(Acc* out, const Vec<Acc>* v) const { store(out, v[0]); }
};
template <class In, class Acc>
void window_sums(const void* line, int size, int channels, void* out, int64_t n) {
    windows<In>(line, size, channels, Sums<Acc>{}, out, n);
}

#if defined(IMGFILT_PAIRS)
// (sum + add) * multiplier / 2^(16 + shift)
struct Divided {
    typedef uint16_t Sum;
    typedef uint8_t Out;
    static constexpr int count = 2;
    Vec<uint16_t> add, multiplier;
    int shift;
    Vec<uint16_t> divided(Vec<uint16_t> v) const { return multiply_high(v + add, multiplier) >> shift; }
    void store_all(uint8_t* out, const Vec<uint16_t>* v) const {
        store_u8(out, (Pairs)divided(v[0]), (Pairs)divided(v[1]));
    }
};

// sum * scale + bias to the nearest, in 24 bits or, where `wide`, in 53.
template <class Pixel, bool wide>
struct Scaled {
    typedef uint32_t Sum;
    typedef Pixel Out;
    static constexpr int count = 4 / static_cast<int>(sizeof(Pixel));
    typename Pick<wide, double, float>::type scale, bias;
    Pairs scaled(Vec<uint32_t> v) const {
        constexpr int low = Limits<Pixel>::low, high = Limits<Pixel>::high;
        if constexpr (wide)
            return nearest_wide((Pairs)v, scale, bias, low, high);
        else
            return nearest_i32(clamp_reals(affine(reals_of((Pairs)v), scale, bias), low, high));
    }
    void store_all(Pixel* out, const Vec<uint32_t>* v) const {
        if constexpr (sizeof(Pixel) == 1)
            store_u8(out, scaled(v[0]), scaled(v[1]), scaled(v[2]), scaled(v[3]));
        else
            store_u16(out, scaled(v[0]), scaled(v[1]));
    }
    Pairs joined(Vec<uint32_t> even, Vec<uint32_t> odd) const {
        return (Pairs)((Vec<uint32_t>)scaled(even) | (Vec<uint32_t>)scaled(odd) << 16);
    }
};

// Sums of one channel's 16 bits: of even pixels and of odd ones. Half as many lanes are summed among themselves, each
// of two pixels.
class PairedWindows {
  public:
    PairedWindows(const uint16_t* line, int size) : line_(line), enter_(line + size - 1) {
        uint32_t before = 0;
        for (int i = -1; i < size - 1; ++i) before += line[i];
        sums_ += before;
    }
    void next(int64_t x, Vec<uint32_t>& even, Vec<uint32_t>& odd) {
        const Vec<uint32_t> enter = load<Vec<uint32_t>>(enter_ + x), leave = load<Vec<uint32_t>>(line_ + x - 1);
        const Vec<uint32_t> second = (enter >> 16) - (leave >> 16);
        const Vec<uint32_t> part = running<1, uint32_t>(second + ((enter & 0xffff) - (leave & 0xffff)));
        odd = part + sums_;
        even = odd - second;
        sums_ += last_lanes<1, uint32_t>(part);
    }

  private:
    const uint16_t *line_, *enter_;
    Vec<uint32_t> sums_ = {};
};

template <class Pixels>
void paired_windows(const uint16_t* line, int size, const Pixels& pixels, uint8_t* out, int64_t n) {
    PairedWindows windows(line, size);
    constexpr int64_t half = kPairLanes, step = 2 * half;
    const auto joined = [&](int64_t x) {
        Vec<uint32_t> even, odd;
        windows.next(x, even, odd);
        return pixels.joined(even, odd);
    };
    int64_t x = 0;
    for (; x + step <= n; x += step) {
        const Pairs first = joined(x);
        store_u8(out + x, first, joined(x + half));
    }
    if (x == n) return;
    uint8_t rest[step];
    const Pairs first = joined(x);
    store_u8(rest, first, x + half < n ? joined(x + half) : first);
    std::memcpy(out + x, rest, static_cast<size_t>(n - x));
}

template <class In, class Pixels>
void scaled_by(const void* line, int size, int channels, const imgfilt::Affine& a, void* out, int64_t n) {
    typedef decltype(Pixels::scale) Real;
    const Pixels pixels{static_cast<Real>(a.scale), static_cast<Real>(a.bias)};
    if constexpr (Same<In, uint16_t>::value)
        if (channels == 1)
            return paired_windows(static_cast<const uint16_t*>(line), size, pixels, static_cast<uint8_t*>(out), n);
    windows<In>(line, size, channels, pixels, out, n);
}

template <class In, class Pixel>
void scaled_windows(const void* line, int size, int channels, const imgfilt::Affine& a, void* out, int64_t n) {
    if (a.wide) return scaled_by<In, Scaled<Pixel, true>>(line, size, channels, a, out, n);
    scaled_by<In, Scaled<Pixel, false>>(line, size, channels, a, out, n);
}
#endif

// sum * scale + bias in 53 bits.
struct ScaledReals {
    typedef double Sum;
    typedef float Out;
    static constexpr int count = 1;
    double scale, bias;
    void store_all(float* out, const Vec<double>* v) const {
        typedef float Half __attribute__((vector_size(kVectorBytes / 2)));
        store(out, __builtin_convertvector(v[0] * scale + bias, Half));
    }
};

// The same of three or four channels, a pixel in a vector (and what is beside it): each second window is that of two
// pixels before, and what two pixels add to it.
template <int channels>
void scaled_real_pixels(const double* line, int size, double scale, double bias, float* out, int64_t n) {
    typedef double Pixel __attribute__((vector_size(32)));
    typedef float Stored __attribute__((vector_size(16)));
    const auto add = [](Pixel& sum, const double* p) {
        Pixel v;
        std::memcpy(&v, p, sizeof v);
        sum += v;
    };
    const auto difference = [](Pixel& v, const double* enter, const double* leave) {
        Pixel left;
        std::memcpy(&v, enter, sizeof v);
        std::memcpy(&left, leave, sizeof left);
        v -= left;
    };
    const auto put = [&](const Pixel& sum, float* to, bool whole) {
        const Stored v = __builtin_convertvector(sum * scale + bias, Stored);
        std::memcpy(to, &v, whole ? sizeof v : channels * sizeof(float));
    };
    Pixel parts[4] = {};
    for (int i = 0; i < size; ++i) add(parts[i % 4], line + (i - 1) * channels);
    Pixel sum = (parts[0] + parts[1]) + (parts[2] + parts[3]), first, second;
    const double *leave = line - channels, *enter = leave + int64_t{size} * channels;
    constexpr int64_t two = 2 * channels;
    int64_t x = 0;
    for (; x + two + (4 - channels) <= n; x += two) {
        difference(first, enter + x, leave + x);
        difference(second, enter + x + channels, leave + x + channels);
        put(sum + first, out + x, true);
        sum += first + second;
        put(sum, out + x + channels, true);
    }
    for (; x < n; x += two) {
        difference(first, enter + x, leave + x);
        put(sum + first, out + x, false);
        if (x + channels == n) return;
        difference(second, enter + x + channels, leave + x + channels);
        sum += first + second;
        put(sum, out + x + channels, false);
    }
}

void scaled_real_windows(const void* line, int size, int channels, const imgfilt::Affine& a, void* out, int64_t n) {
    const double* sums = static_cast<const double*>(line);
    if (channels == 3) return scaled_real_pixels<3>(sums, size, a.scale, a.bias, static_cast<float*>(out), n);
    if (channels == 4) return scaled_real_pixels<4>(sums, size, a.scale, a.bias, static_cast<float*>(out), n);
    windows<double>(line, size, channels, ScaledReals{a.scale, a.bias}, out, n);
}

void divided_windows(const uint16_t* line, int size, int channels, uint16_t add, uint16_t multiplier, int shift,
                     uint8_t* out, int64_t n) {
#if defined(IMGFILT_PAIRS)
    const Vec<uint16_t> zero = {};
    windows<uint16_t>(line, size, channels, Divided{zero + add, zero + multiplier, shift}, out, n);
#else
    uint16_t sums[512];
    for (int64_t x = 0; x < n; x += 512) {
        const int64_t count = n - x < 512 ? n - x : 512;
        for (int64_t i = 0; i < count; ++i) {
            sums[i] = 0;
            for (int t = 0; t < size; ++t) sums[i] += line[x + i + int64_t{t} * channels];
        }
        divide_u16_u8(sums, add, multiplier, shift, out + x, count);
    }
#endif
}

// Windows of 1, 2, 4, ... elements by doubling; the binary digits of `size` say which of them make up the
// window, from its far end to its near one. About log2(size) + (ones in size) additions an element, each sum
// in an order that depends on nothing but `size`; no element is ever subtracted, so a NaN stays where it is.
template <class T>
void add_shifted(const T* __restrict a, const T* __restrict b, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) out[x] = a[x] + b[x];
}
template <class T>
void add_to(const T* __restrict a, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) out[x] += a[x];
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

}  // namespace

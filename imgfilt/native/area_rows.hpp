// What area.cpp's filters share: scratch memory, stripes, and rows extended past the border.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "area_kernels.hpp"
#include "border.hpp"

namespace imgfilt {

// Uninitialised memory on a cache line's boundary, with kSlack bytes to spare.
template <class T>
class Scratch {
  public:
    explicit Scratch(int64_t count)
        : data_(
              static_cast<T*>(::operator new(static_cast<size_t>(count) * sizeof(T) + kSlack, std::align_val_t(64)))) {}
    T* get() const { return data_.get(); }
    T& operator[](int64_t i) const { return data_.get()[i]; }

  private:
    struct Free {
        void operator()(T* p) const { ::operator delete(p, std::align_val_t(64)); }
    };
    std::unique_ptr<T, Free> data_;
};

inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Horizontal stripes: one for one thread, else a few per thread, of at least `least` rows.
struct Stripes {
    int64_t height, rows;
    int count;
    Stripes(int64_t height, int threads, int64_t least, int64_t multiple = 1) : height(height) {
        const int64_t wanted = threads <= 1 ? 1 : int64_t(threads) * 3;
        rows = round_up(std::max(least, (height + wanted - 1) / wanted), multiple);
        count = static_cast<int>((height + rows - 1) / rows);
    }
    int64_t begin(int i) const { return i * rows; }
    int64_t end(int i) const { return std::min(height, (i + 1) * rows); }
};

// Interleaved channels without gaps are one plane whose pixels are `step` elements; else each is its own.
struct Planes {
    int count;
    int64_t step;
    Planes(const View& in, const View& out) {
        const bool flat = tight(in) && tight(out);
        count = flat ? 1 : static_cast<int>(in.channels);
        step = flat ? in.channels : 1;
    }
    static bool tight(const View& v) {
        const int64_t size = kSizeOf[static_cast<int>(v.dtype)];
        return (v.channels == 1 || v.channel == size) && v.pixel == v.channels * size;
    }
    // Bytes from one element of a plane to the next.
    int64_t stride(const View& v) const { return step > 1 ? kSizeOf[static_cast<int>(v.dtype)] : v.pixel; }
};

// `cval` as the nearest element of a type.
inline void constant_element(DType dtype, double cval, char* element) {
    const auto whole = [cval](double low, double high) {
        return std::isnan(cval) ? 0.0 : std::nearbyint(std::clamp(cval, low, high));
    };
    const auto put = [element](auto v) { std::memcpy(element, &v, sizeof v); };
    switch (dtype) {
        case DType::u8: return put(static_cast<uint8_t>(whole(0, 255)));
        case DType::u16: return put(static_cast<uint16_t>(whole(0, 65535)));
        case DType::i16: return put(static_cast<int16_t>(whole(-32768, 32767)));
        case DType::f32: return put(static_cast<float>(cval));
        default: return put(cval);
    }
}

// Pieces of rows of one plane as elements of type U, extended past the image's border.
template <class U>
class Extended {
  public:
    using Load = void (*)(const char* in, int64_t stride, void* out, int64_t n);

    Extended(const View& in, const Planes& planes, int plane, Border border, double cval, Load load)
        : base_(in.data + plane * in.channel),
          in_(in),
          stride_(planes.stride(in)),
          step_(planes.step),
          border_(border),
          load_(load) {
        alignas(8) char element[8] = {};
        constant_element(in.dtype, cval, element);
        load(element, sizeof element, &constant_, 1);
    }

    // Pixels begin .. end - 1 of row y, any of which may lie outside.
    void fetch(int64_t y, int64_t begin, int64_t end, U* to) const {
        const int64_t row = border_index(y, in_.height, border_);
        if (row < 0) {
            std::fill_n(to, (end - begin) * step_, constant_);
            return;
        }
        const char* from = base_ + row * in_.row;
        const int64_t first = std::clamp(int64_t(0), begin, end), last = std::clamp(in_.width, first, end);
        outside(from, begin, first, to);
        if (last > first)
            load_(from + first * in_.pixel, stride_, to + (first - begin) * step_, (last - first) * step_);
        outside(from, last, end, to + (last - begin) * step_);
    }

  private:
    void outside(const char* from, int64_t begin, int64_t end, U* to) const {
        for (int64_t x = begin; x < end; ++x, to += step_) {
            const int64_t pixel = border_index(x, in_.width, border_);
            if (pixel < 0)
                std::fill_n(to, step_, constant_);
            else
                load_(from + pixel * in_.pixel, stride_, to, step_);
        }
    }

    const char* base_;
    View in_;
    int64_t stride_, step_;
    Border border_;
    Load load_;
    U constant_;
};

inline void check_same_size(const char* what, const View& in, const View& out, int64_t more = 0) {
    if (in.height + more != out.height || in.width + more != out.width || in.channels != out.channels)
        throw std::invalid_argument(std::string(what) + ": the output's shape does not fit the input's");
}

inline void check_pixels(const char* what, const View& in) {
    if (in.dtype == DType::i32 || in.dtype == DType::i64)
        throw std::invalid_argument(std::string(what) + " takes u8, u16, i16, f32 or f64 images");
}

}  // namespace imgfilt

#include <algorithm>
#include <cstring>

#include "bank.hpp"
#include "bank_panels.hpp"

namespace imgfilt {
namespace {

template <class T>
class Shifted {
  public:
    Shifted(const BankShape& shape, const Batch& x, const T* weight, const T* bias, const Batch& out)
        : s_(shape), x_(x), out_(out), weight_(weight), bias_(bias), k_(bank_kernels<T>()) {
        channels_ = x.channels / s_.groups;
        filters_ = out.channels / s_.groups;
        rows_ = x.height + s_.top + s_.bottom;
    }

    int64_t parts(int threads) const {
        const int64_t planes = out_.images * s_.groups;
        return std::clamp<int64_t>((2 * threads + planes - 1) / planes, 1, threads == 1 ? 1 : filters_);
    }

    int64_t workspace(int threads) const {
        const int64_t tasks = out_.images * s_.groups * parts(threads);
        return std::min<int64_t>(threads, tasks) * rows_ * out_.width * static_cast<int64_t>(sizeof(T));
    }

    void run(int threads) const {
        const int64_t parts_of = parts(threads);
        share(out_.images * s_.groups * parts_of, threads, [&](const auto& next) {
            Scratch<T> column(rows_ * out_.width);
            for (int64_t task; (task = next()) >= 0;) {
                const int64_t part = task % parts_of, g = task / parts_of % s_.groups, n = task / parts_of / s_.groups;
                const int64_t first = filters_ * part / parts_of, end = filters_ * (part + 1) / parts_of;
                for (int64_t m = g * filters_ + first; m < g * filters_ + end; ++m)
                    std::fill_n(plane(n, m), out_.height * out_.width, bias_ != nullptr ? bias_[m] : T(0));
                for (int64_t c = 0; c < channels_; ++c)
                    for (int64_t v = 0; v < s_.kernel_width; ++v) {
                        shift(n, g * channels_ + c, v, column.get());
                        for (int64_t m = g * filters_ + first; m < g * filters_ + end; ++m)
                            add(column.get(), weight_ + (m * channels_ + c) * s_.taps() + v, plane(n, m));
                    }
            }
        });
    }

  private:
    T* plane(int64_t n, int64_t m) const { return reinterpret_cast<T*>(out_.image(n) + m * out_.channel); }

    // The columns of a channel that the tap column v meets, with rows of zeros above and below.
    void shift(int64_t n, int64_t c, int64_t v, T* to) const {
        const char* image = x_.image(n) + c * x_.channel;
        for (int64_t i = 0; i < rows_; ++i, to += out_.width) {
            const int64_t y = i - s_.top;
            for (int64_t x = 0; x < out_.width; ++x) {
                const int64_t at = x * s_.stride_x + v * s_.dilation_x - s_.left;
                if (y < 0 || y >= x_.height || at < 0 || at >= x_.width)
                    to[x] = T(0);
                else
                    std::memcpy(to + x, image + y * x_.row + at * x_.pixel, sizeof(T));
            }
        }
    }

    void add(const T* column, const T* weights, T* to) const {
        const int64_t step = s_.dilation_y * out_.width;
        if (s_.stride_y == 1) {
            k_.add_shifted(column, step, weights, s_.kernel_width, s_.kernel_height, to, out_.height * out_.width);
            return;
        }
        for (int64_t y = 0; y < out_.height; ++y)
            k_.add_shifted(column + y * s_.stride_y * out_.width, step, weights, s_.kernel_width, s_.kernel_height,
                           to + y * out_.width, out_.width);
    }

    const BankShape s_;
    const Batch x_, out_;
    const T *weight_, *bias_;
    const BankKernelsOf<T>& k_;
    int64_t channels_, filters_, rows_;
};

}  // namespace

void bank_shifted(const BankShape& shape, const Batch& x, const void* weight, const void* bias, const Batch& out,
                  int threads) {
    if (x.dtype == DType::f32)
        Shifted<float>(shape, x, static_cast<const float*>(weight), static_cast<const float*>(bias), out).run(threads);
    else
        Shifted<double>(shape, x, static_cast<const double*>(weight), static_cast<const double*>(bias), out)
            .run(threads);
}

int64_t bank_shifted_workspace(const BankShape& shape, const Batch& x, const Batch& out, int threads) {
    return x.dtype == DType::f32 ? Shifted<float>(shape, x, nullptr, nullptr, out).workspace(threads)
                                 : Shifted<double>(shape, x, nullptr, nullptr, out).workspace(threads);
}

}  // namespace imgfilt

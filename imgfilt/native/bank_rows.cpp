#include <algorithm>
#include <cstring>
#include <vector>

#include "bank.hpp"
#include "bank_panels.hpp"

namespace imgfilt {
namespace {

constexpr int64_t kBandBytes = 24 << 10;  // of input, to stay in L1

template <class T>
class Rows {
  public:
    Rows(const BankShape& shape, const Batch& x, const T* weight, const T* bias, const Batch& out)
        : s_(shape), x_(x), out_(out), weight_(weight), bias_(bias), k_(bank_kernels<T>()) {
        channels_ = x.channels / s_.groups;
        filters_ = out.channels / s_.groups;
        vectors_ = (out.width + k_.lanes - 1) / k_.lanes;
        // Columns whose numbers leave the same rest stand together, so that a stride is a step of one.
        phase_ = (x.width + s_.left + s_.right + s_.stride_x - 1) / s_.stride_x;
        pitch_ = phase_ * s_.stride_x;
        const int64_t row_bytes = channels_ * pitch_ * static_cast<int64_t>(sizeof(T));
        band_rows_ = 1;
        while (band_rows_ < out.height && in_rows(band_rows_ + 1) * row_bytes <= kBandBytes) ++band_rows_;
        bands_ = (out.height + band_rows_ - 1) / band_rows_;
        band_rows_ = (out.height + bands_ - 1) / bands_;
        plane_ = in_rows(band_rows_) * pitch_;
        steps_ = channels_ * s_.taps();
    }

    int64_t workspace(int threads) const {
        return std::min<int64_t>(threads, tasks()) * (input_count() + sums_count() + weight_count()) *
               static_cast<int64_t>(sizeof(T));
    }

    void run(int threads) const {
        std::vector<int64_t> offsets;
        for (int64_t c = 0; c < channels_; ++c)
            for (int64_t u = 0; u < s_.kernel_height; ++u)
                for (int64_t v = 0; v < s_.kernel_width; ++v) {
                    const int64_t x = v * s_.dilation_x;
                    offsets.push_back(c * plane_ + u * s_.dilation_y * pitch_ + x % s_.stride_x * phase_ +
                                      x / s_.stride_x);
                }
        share(tasks(), threads, [&](const auto& next) {
            Scratch<T> input(input_count()), sums(sums_count()), weights(weight_count());
            std::memset(input.get(), 0, static_cast<std::size_t>(input_count()) * sizeof(T));
            for (int64_t task; (task = next()) >= 0;) work(task, offsets, input.get(), sums.get(), weights.get());
        });
    }

  private:
    int64_t tasks() const { return out_.images * s_.groups * bands_; }
    int64_t in_rows(int64_t rows) const { return (rows - 1) * s_.stride_y + s_.span_y(); }
    // Blocks read whole vectors, beyond the last pixel.
    int64_t input_count() const { return channels_ * plane_ + (vectors_ + 1) * k_.lanes; }
    int64_t sums_count() const { return kRowsFilters * vectors_ * k_.lanes; }
    int64_t weight_count() const { return filters_ * steps_; }

    void work(int64_t task, const std::vector<int64_t>& offsets, T* input, T* sums, T* weights) const {
        const int64_t band = task % bands_, g = task / bands_ % s_.groups, n = task / bands_ / s_.groups;
        const int64_t first = band * band_rows_, end = std::min(out_.height, first + band_rows_);
        if (first >= end) return;
        copy_in(n, g, first * s_.stride_y - s_.top, in_rows(end - first), input);
        for (int64_t m = 0; m < filters_; m += kRowsFilters) {  // (tap, filter) within each few filters
            const int64_t few = std::min<int64_t>(kRowsFilters, filters_ - m);
            const T* from = weight_ + (g * filters_ + m) * steps_;
            for (int64_t i = 0; i < steps_; ++i)
                for (int64_t f = 0; f < few; ++f) weights[m * steps_ + i * few + f] = from[f * steps_ + i];
        }
        const RowsRun run{offsets.data(), steps_, vectors_ * k_.lanes};
        for (int64_t y = first; y < end; ++y)
            for (int64_t m = 0; m < filters_; m += kRowsFilters) {
                const int64_t few = std::min<int64_t>(kRowsFilters, filters_ - m), at = g * filters_ + m;
                for (int64_t f = 0; f < few; ++f)
                    std::fill_n(sums + f * run.sums_row, run.sums_row, bias_ != nullptr ? bias_[at + f] : T(0));
                const int64_t most = k_.rows_vectors[few - 1], pieces = (vectors_ + most - 1) / most;
                const T* row = input + (y - first) * s_.stride_y * pitch_;
                for (int64_t i = 0; i < pieces; ++i) {
                    const int64_t v = vectors_ * i / pieces, count = vectors_ * (i + 1) / pieces - v;
                    k_.rows[few - 1][count - 1](run, row + v * k_.lanes, weights + m * steps_, sums + v * k_.lanes);
                }
                for (int64_t f = 0; f < few; ++f) finish(n, at + f, y, sums + f * run.sums_row);
            }
    }

    // Rows of a group's channels from row `top` on, with zeros around, to (channel, row, phase, column).
    void copy_in(int64_t n, int64_t g, int64_t top, int64_t rows, T* input) const {
        const char* image = x_.image(n) + g * channels_ * x_.channel;
        constexpr int64_t size = sizeof(T);
        const int64_t step = s_.stride_x;
        for (int64_t c = 0; c < channels_; ++c)
            for (int64_t i = 0; i < rows; ++i) {
                T* to = input + c * plane_ + i * pitch_;
                const int64_t y = top + i;
                if (y < 0 || y >= x_.height) {
                    std::memset(to, 0, static_cast<std::size_t>(pitch_) * size);
                    continue;
                }
                const char* from = image + c * x_.channel + y * x_.row;
                if (step == 1 && x_.pixel == size) {
                    std::memcpy(to + s_.left, from, static_cast<std::size_t>(x_.width) * size);
                    continue;  // the zeros beside are there from the start
                }
                for (int64_t x = 0; x < x_.width; ++x) {
                    const int64_t at = x + s_.left;
                    std::memcpy(to + at % step * phase_ + at / step, from + x * x_.pixel, size);
                }
            }
    }

    void finish(int64_t n, int64_t m, int64_t y, const T* sums) const {
        char* to = out_.image(n) + m * out_.channel + y * out_.row;
        constexpr int64_t size = sizeof(T);
        if (out_.pixel == size) {
            std::memcpy(to, sums, static_cast<std::size_t>(out_.width) * size);
            return;
        }
        for (int64_t x = 0; x < out_.width; ++x) std::memcpy(to + x * out_.pixel, sums + x, size);
    }

    const BankShape s_;
    const Batch x_, out_;
    const T *weight_, *bias_;
    const BankKernelsOf<T>& k_;
    int64_t channels_, filters_, vectors_, phase_, pitch_, band_rows_, bands_, plane_, steps_;
};

}  // namespace

void bank_rows(const BankShape& shape, const Batch& x, const void* weight, const void* bias, const Batch& out,
               int threads) {
    if (x.dtype == DType::f32)
        Rows<float>(shape, x, static_cast<const float*>(weight), static_cast<const float*>(bias), out).run(threads);
    else
        Rows<double>(shape, x, static_cast<const double*>(weight), static_cast<const double*>(bias), out).run(threads);
}

int64_t bank_rows_workspace(const BankShape& shape, const Batch& x, const Batch& out, int threads) {
    return x.dtype == DType::f32 ? Rows<float>(shape, x, nullptr, nullptr, out).workspace(threads)
                                 : Rows<double>(shape, x, nullptr, nullptr, out).workspace(threads);
}

}  // namespace imgfilt

// What the parts of a transposed convolution share: its runs of taps, and how the work is cut.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "dispatch.hpp"
#include "lines.hpp"
#include "transposed.hpp"
#include "transposed_axis.hpp"

namespace imgfilt {

template <class T>
const TransposedKernelsOf<T>& kernels_of();
template <>
inline const TransposedKernelsOf<float>& kernels_of<float>() {
    return kernels().transposed->f32;
}
template <>
inline const TransposedKernelsOf<double>& kernels_of<double>() {
    return kernels().transposed->f64;
}

// One row of a filter's output from its phases' lines.
template <class T>
void emit_row(const TransposedKernelsOf<T>& k, const T* lines, int64_t pitch, int64_t count, const Planes& out,
              int64_t n, int64_t m, int64_t y) {
    char* to = out.data + n * out.image + m * out.channel + y * out.row;
    if (out.pixel == static_cast<int64_t>(sizeof(T))) {
        k.interleave(lines, pitch, count, to, out.width);
        return;
    }
    for (int64_t x = 0; x < out.width; ++x)
        std::memcpy(to + x * out.pixel, lines + x % count * pitch + x / count, sizeof(T));
}

// The taps of a pair of phases that are summed in one go, the rows' by their shift.
struct TapRun {
    int64_t phase_y, phase_x;
    std::vector<PhaseTap> rows, columns;
    int64_t first, end;  // of the phase's outputs in a row: those that meet an element
};

template <class T>
class Transposed {
  public:
    Transposed(TransposedMethod method, const TransposedShape& shape, const Planes& x, const T* weight, const T* bias,
               const Planes& out);

    void run(int threads);
    int64_t workspace(int threads);

  private:
    struct Task {
        int64_t group, image, images, first, end, in_row;  // rows of output, and the first row of input
    };

    // How the work is cut: transposed_cut.cpp.
    // The map in which zeros have been inserted is convolved with stride 1.
    Axis axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation) const {
        return inserted_ ? Axis((in - 1) * stride + 1, out, kernel, 1, pad, dilation)
                         : Axis(in, out, kernel, stride, pad, dilation);
    }
    void find_runs(TransposedMethod method);
    void add_run(std::size_t ky, std::size_t kx, const std::vector<PhaseTap>& rows,
                 const std::vector<PhaseTap>& columns);
    void cut(int threads);
    void find_terms();

    // A task: transposed.cpp.
    void work(int64_t index, T* input, T* sums, const T* all, T* weights) const;
    void copy_in(const Task& t, int64_t n, T* to) const;

    // Vectors of pixels: transposed_pixels.cpp.
    void pixel_row(const Task& t, int64_t y, const T* input, T* lines) const;
    void phase_row(const Task& t, int64_t y, int64_t m, int64_t filters, const T* input, const T* weights,
                   const T* bias, T* rows) const;
    void add_lines(const Task& t, int64_t y, int64_t filters, const T* input, const T* weights, const T* bias,
                   T* lines) const;
    void pixel_blocks(const PixelBlock& block, int64_t filters, const T* in, const T* weights, T* sums,
                      int64_t pixels) const;

    // Vectors of filters: transposed_filters.cpp.
    void pack(int64_t group, int64_t p, int64_t c, int64_t channels, T* to) const;
    void panel(const Task& t, int64_t p, const T* input, T* sums, const T* all, T* weights) const;
    void begin(int64_t m, int64_t filters, int64_t lanes, int64_t pixels, T* sums) const;
    void filter_rows(const Task& t, const TapRun& run, const Term* terms, int64_t channels, int64_t lanes,
                     const T* input, const T* weights, T* sums) const;
    void finish(int64_t n, int64_t y, int64_t m, int64_t filters, int64_t lanes, const T* sums) const;
    int64_t filters_of(int64_t p) const { return std::min(wide_, filters_ - p * wide_); }
    int64_t lanes_of(int64_t p) const { return filters_of(p) > k_.lanes ? 2 * k_.lanes : k_.lanes; }

    // Rows of input that so many rows of output see at most.
    int64_t in_rows(int64_t rows) const {
        return std::min(ay_.in, (rows + ay_.stride - 2) / ay_.stride + 1 + ay_.reach);
    }

    int64_t panel_size() const { return s_.taps() * tap_distance_; }
    int64_t sums_size() const {
        return by_pixels_ ? kMostFilters * static_cast<int64_t>(ax_.phases.size()) * line_
                          : chunk_ * band_rows_ * out_.width * wide_;
    }

    // The run's terms of the taps that meet a row of the input for outputs of this quotient: the first and the number.
    void meeting(const TapRun& run, int64_t quotient, int64_t channels, int64_t& first, int64_t& count) const {
        const int64_t each = channels * static_cast<int64_t>(run.columns.size());
        int64_t low = 0, high = static_cast<int64_t>(run.rows.size());
        while (low < high && quotient - run.rows[static_cast<std::size_t>(low)].shift >= ay_.in) ++low;
        while (high > low && quotient - run.rows[static_cast<std::size_t>(high - 1)].shift < 0) --high;
        first = low * each;
        count = (high - low) * each;
    }

    const TransposedShape s_;
    const Planes x_, out_;
    const T *weight_, *bias_;
    const TransposedKernelsOf<T>& k_;
    const bool inserted_;
    const Axis ay_, ax_;
    std::vector<TapRun> runs_;            // by the phases' order
    std::vector<std::size_t> first_run_;  // of each row's phase
    std::vector<std::vector<Term>> terms_[2];
    int64_t channels_, filters_, wide_, panels_, left_, pitch_, line_, most_taps_, block_channels_;
    bool by_pixels_, in_registers_, shared_ = false;
    int64_t band_rows_ = 1, bands_ = 1, chunk_ = 1, chunks_ = 1, parts_ = 1, tasks_ = 1, plane_ = 0, tap_distance_ = 0;
};

}  // namespace imgfilt

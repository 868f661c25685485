// How a transposed convolution is cut: taps to runs, rows to bands, images to chunks, filters to parts.
#include "transposed_state.hpp"

namespace imgfilt {

constexpr int64_t kBandBytes = 320 << 10;  // of input, to stay in L2
constexpr int64_t kSumBytes = 192 << 10;   // of sums, beside it
constexpr int64_t kBlockTerms = 256;       // of a filter block, whose weights stay in L1
constexpr int64_t kTasksPerThread = 4;

template <class T>
Transposed<T>::Transposed(TransposedMethod method, const TransposedShape& shape, const Planes& x, const T* weight,
                          const T* bias, const Planes& out)
    : s_(shape),
      x_(x),
      out_(out),
      weight_(weight),
      bias_(bias),
      k_(kernels_of<T>()),
      inserted_(method == TransposedMethod::zero_insert),
      ay_(axis(x.height, out.height, shape.kernel_height, shape.stride_y, shape.top, shape.dilation_y)),
      ax_(axis(x.width, out.width, shape.kernel_width, shape.stride_x, shape.left, shape.dilation_x)) {
    channels_ = x.channels / s_.groups;
    filters_ = out.channels / s_.groups;
    wide_ = filters_ > k_.lanes ? 2 * k_.lanes : k_.lanes;
    panels_ = (filters_ + wide_ - 1) / wide_;
    left_ = ax_.quotient(0) - ax_.reach;
    pitch_ = ax_.quotient(ax_.out - 1) + 1 - left_;
    line_ = round_up(ax_.phases[0].count, k_.lanes) + k_.lanes;
    find_runs(method);
    const int64_t lanes = k_.lanes, across = ax_.phases[0].count;
    by_pixels_ = filters_ * ((across + lanes - 1) / lanes) < (filters_ + lanes - 1) / lanes * across;
    in_registers_ = method != TransposedMethod::scatter && ax_.phases.size() <= kMostPhases;
    block_channels_ = by_pixels_ ? channels_ : std::clamp<int64_t>(kBlockTerms / most_taps_, 1, channels_);
}

template <class T>
void Transposed<T>::find_runs(TransposedMethod method) {
    most_taps_ = 1;
    for (std::size_t ky = 0; ky < ay_.phases.size(); ++ky) {
        first_run_.push_back(runs_.size());
        for (std::size_t kx = 0; kx < ax_.phases.size(); ++kx) {
            const auto &rows = ay_.phases[ky].taps, &columns = ax_.phases[kx].taps;
            if (rows.empty() || columns.empty()) continue;
            if (method != TransposedMethod::scatter) {
                add_run(ky, kx, rows, columns);
                continue;
            }
            for (const PhaseTap& u : rows)
                for (const PhaseTap& v : columns) add_run(ky, kx, {u}, {v});
        }
    }
}

template <class T>
void Transposed<T>::add_run(std::size_t ky, std::size_t kx, const std::vector<PhaseTap>& rows,
                            const std::vector<PhaseTap>& columns) {
    const Phase& phase = ax_.phases[kx];
    int64_t first = phase.count, end = 0;
    for (const PhaseTap& v : columns) {
        first = std::min(first, v.shift - phase.quotient);
        end = std::max(end, ax_.in + v.shift - phase.quotient);
    }
    first = std::max<int64_t>(first, 0);
    end = std::min(end, phase.count);
    if (first >= end) return;
    runs_.push_back({static_cast<int64_t>(ky), static_cast<int64_t>(kx), rows, columns, first, end});
    most_taps_ = std::max<int64_t>(most_taps_, static_cast<int64_t>(rows.size() * columns.size()));
}

// Rows of output to bands, images to chunks, filters to parts. How, changes nothing in any sum.
template <class T>
void Transposed<T>::cut(int threads) {
    const int64_t row_bytes = channels_ * pitch_ * static_cast<int64_t>(sizeof(T));
    const int64_t sums_bytes = by_pixels_ ? 0 : out_.width * wide_ * static_cast<int64_t>(sizeof(T));
    int64_t rows = 1;
    while (rows < out_.height && in_rows(rows + 1) * row_bytes <= kBandBytes && (rows + 1) * sums_bytes <= kSumBytes)
        ++rows;
    const int64_t wanted = threads == 1 ? 1 : threads * kTasksPerThread;
    const int64_t most_parts = by_pixels_ ? 1 : panels_;
    while (threads > 1 && rows > 1 && (out_.height + rows - 1) / rows * out_.images * s_.groups * most_parts < wanted)
        rows = (rows + 1) / 2;
    bands_ = (out_.height + rows - 1) / rows;
    band_rows_ = (out_.height + bands_ - 1) / bands_;
    bands_ = (out_.height + band_rows_ - 1) / band_rows_;
    const int64_t in_bytes = in_rows(band_rows_) * row_bytes;
    chunk_ = 1;
    if (bands_ == 1 && !by_pixels_)
        while (chunk_ < out_.images && (chunk_ + 1) * in_bytes <= kBandBytes &&
               (chunk_ + 1) * band_rows_ * sums_bytes <= kSumBytes &&
               (out_.images + chunk_) / (chunk_ + 1) * s_.groups * most_parts >= wanted)
            ++chunk_;
    chunks_ = (out_.images + chunk_ - 1) / chunk_;
    const int64_t others = chunks_ * bands_ * s_.groups;
    parts_ = std::clamp<int64_t>((wanted + others - 1) / others, 1, most_parts);
    tasks_ = others * parts_;
    // Weights that several tasks read are packed once for all; else in blocks where they are read. The taps of a
    // block begin in different sets of the cache.
    shared_ = !by_pixels_ && chunks_ * bands_ > 1;
    tap_distance_ = ((shared_ ? channels_ : block_channels_) + 1) * wide_;
    // Channels begin in different sets of the cache.
    plane_ = (((in_rows(band_rows_) * pitch_ + 15) / 16) | 1) * 16;
}

// Where the terms of each run lie, [rows' taps][channels][columns' taps]: for whole blocks of channels, and for
// what is left of them at the end.
template <class T>
void Transposed<T>::find_terms() {
    const int64_t taps = s_.taps();
    for (int i = 0; i < 2; ++i) {
        const int64_t channels = i == 0 ? block_channels_ : channels_ % block_channels_;
        for (const TapRun& run : runs_) {
            std::vector<Term>& terms = terms_[i].emplace_back();
            for (const PhaseTap& u : run.rows)
                for (int64_t c = 0; c < channels; ++c)
                    for (const PhaseTap& v : run.columns) {
                        const int64_t tap = u.index * s_.kernel_width + v.index;
                        terms.push_back({c * plane_ - u.shift * pitch_ - v.shift,
                                         by_pixels_ ? c * filters_ * taps + tap : tap * tap_distance_ + c * wide_});
                    }
        }
    }
}

// The members defined here.
template class Transposed<float>;
template class Transposed<double>;

}  // namespace imgfilt

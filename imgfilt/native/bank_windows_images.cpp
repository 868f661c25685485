#include <algorithm>
#include <cstring>
#include <vector>

#include "bank_bands.hpp"
#include "bank_panels.hpp"
#include "bank_windows.hpp"

namespace imgfilt {
namespace {

// im2win where the lanes are images: a band of windows of one block of images a thread, weights as they are.
template <class T>
class ImagesIm2win {
  public:
    ImagesIm2win(const BankShape& shape, Windows layout, const Batch& x, const T* weight, const T* bias,
                 const Batch& out, int threads)
        : s_(shape),
          eights_(layout == Windows::chwn8),
          x_(x),
          out_(out),
          weight_(weight),
          bias_(bias),
          k_(bank_kernels<T>()),
          threads_(threads),
          channels_(x.channels / shape.groups),
          filters_(out.channels / shape.groups),
          images_(eights_ || x.images <= 8 ? 8 : std::max<int64_t>(8, k_.lanes)),
          window_row_((x.width + shape.left + shape.right) * shape.kernel_height * images_),
          quads_((filters_ + kImagesFilters - 1) / kImagesFilters),
          bands_((x.images + images_ - 1) / images_ * out.height, out.height, shape.groups, quads_, threads,
                 [&](int64_t rows) {
                     return rows * channels_ * window_row_ * static_cast<int64_t>(sizeof(T)) <= kWindowBytes;
                 }),
          plane_(apart(bands_.rows * window_row_)) {}

    void run() const {
        share(bands_.tasks, threads_, [&](const auto& next) {
            Scratch<T> windows(channels_ * plane_);
            int64_t lowered = -1;
            for (int64_t task; (task = next()) >= 0;) {
                const int64_t part = task % bands_.parts, band = task / bands_.parts % bands_.count;
                const int64_t g = task / bands_.parts / bands_.count, first = band * bands_.rows;
                const int64_t all = (x_.images + images_ - 1) / images_ * out_.height;
                const int64_t end = std::min(all, first + bands_.rows);
                if (task / bands_.parts != lowered)
                    for (int64_t r = first; r < end; ++r)
                        for (int64_t c = 0; c < channels_; ++c)
                            lower(r / out_.height, g * channels_ + c, r % out_.height,
                                  windows.get() + c * plane_ + (r - first) * window_row_);
                lowered = task / bands_.parts;
                for (int64_t r = first; r < end; ++r)
                    multiply(g, quads_ * part / bands_.parts, quads_ * (part + 1) / bands_.parts, r / out_.height,
                             r % out_.height, windows.get() + (r - first) * window_row_);
            }
        });
    }

    int64_t workspace() const {
        return std::min<int64_t>(threads_, bands_.tasks) * channels_ * plane_ * static_cast<int64_t>(sizeof(T));
    }

  private:
    int64_t valid(int64_t block) const { return std::min(images_, x_.images - block * images_); }
    // From an image of a block to the next, and the block's first.
    int64_t between(const Batch& batch) const { return eights_ ? batch.inner_stride : batch.outer_stride; }
    char* block_of(const Batch& batch, int64_t block) const {
        return batch.data + block * batch.outer_stride * (eights_ ? 1 : images_);
    }

    // (column, tap row, image)
    void lower(int64_t block, int64_t c, int64_t y, T* to) const {
        const int64_t kh = s_.kernel_height, count = valid(block), distance = between(x_);
        const char* channel = block_of(x_, block) + c * x_.channel;
        std::memset(to, 0, static_cast<std::size_t>(s_.left * kh * images_) * sizeof(T));
        std::memset(to + (s_.left + x_.width) * kh * images_, 0,
                    static_cast<std::size_t>(s_.right * kh * images_) * sizeof(T));
        for (int64_t u = 0; u < kh; ++u) {
            const char* row = row_under(s_, x_, channel, y, u);
            T* at = to + (s_.left * kh + u) * images_;
            for (int64_t x = 0; x < x_.width; ++x, at += kh * images_) {
                int64_t done = 0;
                if (row != nullptr && distance == sizeof(T) && count == 8) {
                    std::memcpy(at, row + x * x_.pixel, 8 * sizeof(T));
                    done = 8;
                } else if (row != nullptr) {
                    for (; done < count; ++done)
                        std::memcpy(at + done, row + x * x_.pixel + done * distance, sizeof(T));
                }
                for (; done < images_; ++done) at[done] = T(0);
            }
        }
    }

    // A row of outputs of a block by some quads of filters.
    void multiply(int64_t g, int64_t first, int64_t end, int64_t block, int64_t y, const T* windows) const {
        ImagesRun run{};
        run.channels = channels_;
        run.plane = plane_;
        run.kernel_height = s_.kernel_height;
        run.kernel_width = s_.kernel_width;
        run.images = images_;
        run.column = s_.dilation_x * s_.kernel_height * images_;
        run.step = s_.stride_x * s_.kernel_height * images_;
        run.out_filter = out_.channel;
        run.out_pixel = out_.pixel;
        run.out_image = between(out_);
        const int64_t pieces = (out_.width + k_.pixels - 1) / k_.pixels, steps = channels_ * s_.taps();
        char* const to = block_of(out_, block) + y * out_.row;
        for (int64_t piece = 0; piece < pieces; ++piece) {
            const int64_t x = out_.width * piece / pieces, pixels = out_.width * (piece + 1) / pieces - x;
            for (int64_t quad = first; quad < end; ++quad) {
                const int64_t m = g * filters_ + quad * kImagesFilters;
                run.filters = std::min<int64_t>(kImagesFilters, filters_ - quad * kImagesFilters);
                T bias[kImagesFilters] = {};
                for (int64_t f = 0; f < kImagesFilters; ++f) {
                    const int64_t filter = m + std::min(f, run.filters - 1);  // those beyond the last are not stored
                    run.weights[f] = weight_ + filter * steps;
                    if (bias_ != nullptr) bias[f] = bias_[filter];
                }
                int64_t lanes;
                for (int64_t n = 0; n < valid(block); n += lanes) {
                    run.valid = valid(block) - n;
                    const bool whole = run.valid > k_.few || k_.few == k_.lanes;
                    lanes = whole ? k_.lanes : k_.few;
                    k_.images[whole ? 0 : 1][pixels - 1](run, windows + x * run.step + n, bias,
                                                         to + m * out_.channel + x * out_.pixel + n * run.out_image);
                }
            }
        }
    }

    const BankShape s_;
    const bool eights_;  // blocks of eight images whose lanes stand side by side
    const Batch x_, out_;
    const T *weight_, *bias_;
    const BankKernelsOf<T>& k_;
    const int threads_;
    const int64_t channels_, filters_, images_, window_row_, quads_;  // images_: of a block
    const Bands bands_;
    const int64_t plane_;  // from a channel of a band of windows to the next
};

}  // namespace

void bank_im2win_images(const BankShape& shape, Windows layout, const Batch& x, const void* weight, const void* bias,
                        const Batch& out, int threads) {
    if (x.dtype == DType::f32)
        ImagesIm2win<float>(shape, layout, x, static_cast<const float*>(weight), static_cast<const float*>(bias), out,
                            threads)
            .run();
    else
        ImagesIm2win<double>(shape, layout, x, static_cast<const double*>(weight), static_cast<const double*>(bias),
                             out, threads)
            .run();
}

int64_t bank_im2win_images_workspace(const BankShape& shape, Windows layout, const Batch& x, const Batch& out,
                                     int threads) {
    return x.dtype == DType::f32 ? ImagesIm2win<float>(shape, layout, x, nullptr, nullptr, out, threads).workspace()
                                 : ImagesIm2win<double>(shape, layout, x, nullptr, nullptr, out, threads).workspace();
}

}  // namespace imgfilt

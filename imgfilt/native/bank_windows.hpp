// Windows of im2win: the columns of the input under each row of outputs, kernel height by kernel height.
#pragma once

#include "bank.hpp"

namespace imgfilt {

constexpr int64_t kWindowBytes = 512 << 10;  // of a band, to stay in L2

// The row of input that the tap row u meets for the output's row y; null outside.
inline const char* row_under(const BankShape& shape, const Batch& x, const char* channel, int64_t y, int64_t u) {
    const int64_t row = y * shape.stride_y + u * shape.dilation_y - shape.top;
    return row < 0 || row >= x.height ? nullptr : channel + row * x.row;
}

// The layouts whose lanes are images, CHWN and CHWN8.
void bank_im2win_images(const BankShape& shape, Windows layout, const Batch& x, const void* weight, const void* bias,
                        const Batch& out, int threads);
int64_t bank_im2win_images_workspace(const BankShape& shape, Windows layout, const Batch& x, const Batch& out,
                                     int threads);

}  // namespace imgfilt

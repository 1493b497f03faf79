#ifndef PYWASM_TERMIOS_H
#define PYWASM_TERMIOS_H
typedef unsigned int speed_t;
typedef unsigned int tcflag_t;
struct termios { tcflag_t c_iflag, c_oflag, c_cflag, c_lflag; unsigned char c_line, c_cc[32]; };
#define TCSANOW 0
#define TCSAFLUSH 2
#define VMIN 6
#define VTIME 5
#define BRKINT 2
#define ICRNL 0400
#define IXON 02000
#define IXOFF 010000
#define IXANY 04000
#define IUTF8 040000
#define ISIG 1
#define ICANON 2
#define ECHO 010
#define ECHOE 020
#define ECHOK 040
#define ECHONL 0100
#define ECHOCTL 01000
#define ECHOKE 04000
#define IEXTEN 0100000
#define OPOST 1
#define ONLCR 4
#define INLCR 0100
#define IGNCR 0200
#define CS8 060
#define CREAD 0200
#define HUPCL 02000
#define CBAUD 010017
#define B0 0
#define B50 1
#define B75 2
#define B110 3
#define B134 4
#define B150 5
#define B200 6
#define B300 7
#define B600 8
#define B1200 9
#define B1800 10
#define B2400 11
#define B4800 12
#define B9600 13
#define B19200 14
#define B38400 15
#define B57600 010001
#define B115200 010002
#define B230400 010003
int tcgetattr(int, struct termios *);
int tcsetattr(int, int, const struct termios *);
#endif

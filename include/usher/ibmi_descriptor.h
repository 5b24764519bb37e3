/* givedescriptor() and takedescriptor() of IBM i, for C programs that are moved from there.
 *
 * Shape:  a job is its 16-byte internal job id, not a text: usher_internal_job_id() has this job's, the registry shows it as 32
 *         hex digits. Both return -1 with errno on an error; givedescriptor 0, takedescriptor the new descriptor (which is
 *         not close-on-exec, as there).
 * Model:  as usher/descriptor.h. Unlike there, givedescriptor returns when the descriptor has been taken; the target job has
 *         a minute for it. `source_job` NULL takes from any job.
 * Errors: EBADF   the descriptor is none
 *         EINVAL  there is no such job (any more), or the target is NULL
 *         EACCES  the target is a job of another user, or this process belongs to no job; and it is not root's
 *         EAGAIN  nobody took it within a minute; or Usher is too busy
 *         EUNATCH Usher does not run; or a process takes that belongs to no job
 *         EMFILE, ENFILE, ENOMEM  as for any descriptor
 *         EIO     anything else
 * Source: IBM i 7.x, Sockets: givedescriptor()--Pass Descriptor Access to Another Job, takedescriptor()--Receive Socket
 *         Access from Another Job.
 */
#ifndef USHER_IBMI_DESCRIPTOR_H
#define USHER_IBMI_DESCRIPTOR_H

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

int givedescriptor(int descriptor, char* target_job);
int takedescriptor(char* source_job);

/* Puts the 16 bytes of this job's internal id there; -1 and EUNATCH when there is none. */
int usher_internal_job_id(char* job);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
